#ifndef REPLICAST_COMMON_RPC_MESSAGE_WRITER_H_
#define REPLICAST_COMMON_RPC_MESSAGE_WRITER_H_

#include <absl/status/status.h>

#include <functional>

namespace replicast::rpc {

// What a server stream shows to those that only end it.
class Cuttable {
 public:
  virtual ~Cuttable() = default;
  // Ends it with this status as soon as the message under way has gone; what waits behind that is dropped.
  virtual void Cut(const absl::Status& status) = 0;
  // Ends it at once, whatever the client reads or not.
  virtual void Break() = 0;
  virtual bool over() const = 0;
};

// The writing side of one server stream, with back-pressure: a short queue, and a call when there is room again.
template <typename Response>
class MessageWriter : public Cuttable {
 public:
  // Before the first Write. Called on any thread, also when the stream is over.
  virtual void SetWanted(std::function<void()> wanted) = 0;
  virtual bool HasRoom() const = 0;
  virtual void Write(Response message) = 0;
  // Ends it behind what waits.
  virtual void End(const absl::Status& status) = 0;
};

}  // namespace replicast::rpc

#endif  // REPLICAST_COMMON_RPC_MESSAGE_WRITER_H_
