#include "common/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include "common/base/log.h"

namespace replicast::rpc {
namespace {

void Write(gpr_log_func_args* message) { spdlog::debug("grpc: {}", message->message); }

}  // namespace

void TakeOverGrpcLog() {
  static const bool done = [] {
    gpr_set_log_function(Write);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace replicast::rpc
