#ifndef REPLICAST_SERVER_RELAY_UPSTREAM_TAP_H_
#define REPLICAST_SERVER_RELAY_UPSTREAM_TAP_H_

#include <functional>
#include <memory>
#include <utility>

#include "client/session/control_channel.h"

namespace replicast::relay {

// A session's calls upstream; what is told of grants and chunks is told to the relay first, and to nobody once the tap
// is gone.
class UpstreamTap : public ControlChannel {
 public:
  struct Listener {
    std::function<void(const v1::SubscribeResponse&)> on_granted;
    std::function<void(const v1::SnapshotResponse&)> on_snapshot;
  };
  UpstreamTap(ControlChannel& upstream, Listener listener)
      : upstream_(&upstream), listener_(std::make_shared<Listener>(std::move(listener))) {}
  // Calls from now on go there; answers from elsewhere are not told any more.
  void Use(ControlChannel& upstream) {
    upstream_ = &upstream;
    listener_ = std::make_shared<Listener>(*listener_);
  }

  void Subscribe(const v1::SubscribeRequest& request, Answer<v1::SubscribeResponse> answer) override {
    upstream_->Subscribe(request,
                         [listener = std::weak_ptr<Listener>(listener_), answer = std::move(answer)](auto response) {
                           const std::shared_ptr<Listener> open = listener.lock();
                           if (response.ok() && open != nullptr) open->on_granted(*response);
                           answer(std::move(response));
                         });
  }
  void GetKeys(const v1::GetKeysRequest& request, Answer<v1::GetKeysResponse> answer) override {
    upstream_->GetKeys(request, std::move(answer));
  }
  void Report(const v1::ReportRequest& request, Answer<v1::ReportResponse> answer) override {
    upstream_->Report(request, std::move(answer));
  }
  void Repair(const v1::RepairRequest& request, Answer<v1::RepairResponse> answer) override {
    upstream_->Repair(request, std::move(answer));
  }
  void Renew(const v1::RenewRequest& request, Answer<v1::RenewResponse> answer) override {
    upstream_->Renew(request, std::move(answer));
  }
  std::unique_ptr<Stream> CatchUp(const v1::CatchUpRequest& request,
                                  std::function<void(v1::CatchUpResponse)> on_message,
                                  std::function<void(absl::Status)> on_end) override {
    return upstream_->CatchUp(request, std::move(on_message), std::move(on_end));
  }
  std::unique_ptr<Stream> Snapshot(const v1::SnapshotRequest& request,
                                   std::function<void(v1::SnapshotResponse)> on_message,
                                   std::function<void(absl::Status)> on_end) override {
    return upstream_->Snapshot(
        request,
        [listener = std::weak_ptr<Listener>(listener_),
         on_message = std::move(on_message)](v1::SnapshotResponse response) {
          if (const std::shared_ptr<Listener> open = listener.lock()) open->on_snapshot(response);
          on_message(std::move(response));
        },
        std::move(on_end));
  }

 private:
  ControlChannel* upstream_;
  std::shared_ptr<Listener> listener_;
};

}  // namespace replicast::relay

#endif  // REPLICAST_SERVER_RELAY_UPSTREAM_TAP_H_
