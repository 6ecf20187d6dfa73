#ifndef REPLICAST_COMMON_RPC_CALLBACK_THREADS_H_
#define REPLICAST_COMMON_RPC_CALLBACK_THREADS_H_

namespace replicast::rpc {

// Keeps the threads of gRPC's callback API until the process ends. Without it they end with the last channel or server
// that uses them, and gRPC 1.51 now and then aborts the process then (its completion queue is destroyed with an event
// still in it). Channels and servers call it themselves. Thread safe.
void KeepCallbackThreads();

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_CALLBACK_THREADS_H_
