#include "client/cli/acknowledger.h"

#include <chrono>
#include <utility>

#include "replicast/v1/changes_service.grpc.pb.h"

namespace replicast::cli {
namespace {

// A member may make a hundred calls a second.
constexpr auto kBetweenCalls = std::chrono::milliseconds(20);

}  // namespace

Acknowledger::Acknowledger(Connection& connection, std::string dataset, std::function<void()> on_failure)
    : connection_(connection),
      dataset_(std::move(dataset)),
      on_failure_(std::move(on_failure)),
      thread_([this] { Run(); }) {}

void Acknowledger::Put(const v1::Position& position) {
  const std::lock_guard lock(mutex_);
  newest_ = position;
  changed_.notify_one();
}

absl::Status Acknowledger::Finish() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  return status_;
}

void Acknowledger::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return newest_ || ending_; });
    if (!newest_) return;
    const v1::Position position = *std::exchange(newest_, std::nullopt);
    lock.unlock();
    absl::Status acknowledged = Acknowledge(position);
    lock.lock();
    if (!acknowledged.ok()) {
      status_ = std::move(acknowledged);
      lock.unlock();
      return on_failure_();
    }
    changed_.wait_for(lock, kBetweenCalls, [this] { return ending_; });
  }
}

absl::Status Acknowledger::Acknowledge(const v1::Position& position) {
  v1::AcknowledgeRequest request;
  request.set_dataset(dataset_);
  *request.mutable_position() = position;
  return connection_.Call<v1::ChangesService>(&v1::ChangesService::Stub::Acknowledge, request).status();
}

}  // namespace replicast::cli
