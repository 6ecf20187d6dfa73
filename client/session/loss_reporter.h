#ifndef REPLICAST_CLIENT_SESSION_LOSS_REPORTER_H_
#define REPLICAST_CLIENT_SESSION_LOSS_REPORTER_H_

#include <absl/time/time.h>

#include <optional>

#include "client/session/control_channel.h"
#include "client/session/inbox.h"
#include "common/delivery/stream_receiver.h"

namespace replicast {

// Tells the server what was missed, and fetches it: one Repair at a time when the stream receiver asks for it (with
// what was missed since the last time), a Report soon after losses that no repair told of, else one every minute and a
// half or so, which also says where the member stands. Sans-IO, one thread.
class LossReporter {
 public:
  LossReporter(ControlChannel& control, Random& random, Inbox& inbox)
      : control_(control), random_(random), inbox_(inbox) {}

  // A new grant; `receiver` stays valid until the next, null: nothing is received by multicast.
  void Begin(delivery::StreamReceiver* receiver, const v1::Grant& grant, absl::Time now);
  // There is no grant any more.
  void End();
  // Whether reports tell that nothing is taken now.
  void SetPaused(bool paused) { paused_ = paused; }
  // `repair`: missing symbols are wanted. `backlog`: bytes received and not yet applied.
  void Step(bool repair, size_t backlog, const std::optional<Position>& position, absl::Time now);
  // By which way units come now, and why not by multicast: told with each report, and soon after it changes.
  void SetTransport(v1::Transport transport, v1::UnicastReason reason);
  absl::Time NextDeadline() const;
  // The next step reports, so the position that it is given should be the newest.
  bool ReportDue(absl::Time now) const;
  // There is a grant.
  void ReportSoon() { report_at_ = std::min(report_at_, now_); }
  // Until then the answer of the Repair under way is waited for, and no other is asked for; infinite past: none is
  // under way.
  absl::Time RepairingUntil() const;

  // The server's ring does not reach back: what is missed must come by lsn. True once.
  bool TakeCatchUpWanted() { return std::exchange(catch_up_wanted_, false); }
  // What the server said to the newest report; once.
  std::optional<v1::ReportResponse> TakeAnswer() { return std::exchange(answer_, std::nullopt); }
  std::optional<absl::Status> TakeFailure() { return std::exchange(failure_, std::nullopt); }
  uint64_t rate() const { return rate_; }
  uint64_t repairs() const { return repairs_; }

 private:
  void StepRepairs(bool repair, size_t backlog, const std::optional<Position>& position);
  v1::ReceptionReport TakeReport(size_t backlog, const std::optional<Position>& position);
  void Repair(const std::vector<delivery::SymbolSpan>& missing, v1::ReceptionReport report);
  void OnRepaired(const absl::StatusOr<v1::RepairResponse>& answer);
  void Report(v1::ReceptionReport report);

  ControlChannel& control_;
  Random& random_;
  Inbox& inbox_;
  delivery::StreamReceiver* receiver_ = nullptr;
  v1::Grant grant_;
  uint64_t generation_ = 0;  // answers to an earlier grant's calls are ignored
  absl::Time now_ = absl::InfinitePast();
  absl::Time report_at_ = absl::InfiniteFuture(), loss_seen_at_ = absl::InfiniteFuture();
  bool repairing_ = false, reporting_ = false;
  absl::Time asked_ = absl::InfinitePast();
  absl::Duration round_trip_;
  uint64_t told_expected_ = 0, told_missing_ = 0;
  uint64_t rate_ = 0, repairs_ = 0;
  v1::Transport transport_ = v1::TRANSPORT_MULTICAST;
  v1::UnicastReason unicast_reason_ = v1::UNICAST_REASON_UNSPECIFIED;
  bool transport_untold_ = false;
  bool paused_ = false;
  bool catch_up_wanted_ = false;
  std::optional<v1::ReportResponse> answer_;
  std::optional<absl::Status> failure_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_LOSS_REPORTER_H_
