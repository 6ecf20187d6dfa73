#include "common/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <string_view>

#include "common/base/log.h"

namespace replicast::rpc {
namespace {

void Write(gpr_log_func_args* message) {
  // The process ends right behind this one.
  const bool last_words = std::string_view(message->message).starts_with("assertion failed");
  spdlog::log(last_words ? spdlog::level::critical : spdlog::level::debug, "grpc: {}", message->message);
}

}  // namespace

void TakeOverGrpcLog() {
  static const bool done = [] {
    gpr_set_log_function(Write);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace replicast::rpc
