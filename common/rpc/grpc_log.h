#ifndef REPLICAST_COMMON_RPC_GRPC_LOG_H_
#define REPLICAST_COMMON_RPC_GRPC_LOG_H_

namespace replicast::rpc {

// gRPC's own messages become debug messages of ours: what they tell reaches people as the status of a call. Thread
// safe; channels and servers call it themselves.
void TakeOverGrpcLog();

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_GRPC_LOG_H_
