#include "client/session/loss_reporter.h"

#include <algorithm>
#include <utility>

#include "client/session/catch_up.h"
#include "common/base/limits.h"
#include "common/wire/position_proto.h"

namespace replicast {
namespace {

// After a loss: repairs tell of it too, so give them the time.
constexpr absl::Duration kReportAfterLoss = absl::Seconds(1);

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

void LossReporter::Begin(delivery::StreamReceiver* receiver, const v1::Grant& grant, absl::Time now) {
  if (receiver != receiver_ && receiver != nullptr) {
    told_expected_ = receiver->counters().expected_symbols;
    told_missing_ = receiver->counters().missing_symbols;
  }
  receiver_ = receiver;
  grant_ = grant;
  rate_ = grant.rate_bytes_per_second();
  ++generation_;
  repairing_ = reporting_ = false;
  report_at_ = now + limits::kReportIdle * (1.0 + random_.Unit());
  loss_seen_at_ = absl::InfiniteFuture();
  transport_untold_ = transport_ != v1::TRANSPORT_MULTICAST;  // the server takes it for that until it is told
}

void LossReporter::SetTransport(v1::Transport transport, v1::UnicastReason reason) {
  if (transport == transport_ && reason == unicast_reason_) return;
  transport_ = transport;
  unicast_reason_ = reason;
  transport_untold_ = true;
}

void LossReporter::End() {
  receiver_ = nullptr;
  ++generation_;
  repairing_ = reporting_ = false;
  report_at_ = loss_seen_at_ = absl::InfiniteFuture();
  transport_untold_ = false;
}

bool LossReporter::ReportDue(absl::Time now) const {
  return !reporting_ && (transport_untold_ || now >= report_at_ || now >= loss_seen_at_ + kReportAfterLoss);
}

void LossReporter::Step(bool repair, size_t backlog, const std::optional<Position>& position, absl::Time now) {
  now_ = now;
  if (receiver_ != nullptr) StepRepairs(repair, backlog, position);
  if (!ReportDue(now)) return;
  // Of a stream without a group the position says which it is.
  const bool named = grant_.stream_id() != 0 || (position && position->definition.view() == grant_.definition_hash());
  if (named) return Report(TakeReport(backlog, position));
  transport_untold_ = false;
  report_at_ = now + limits::kReportIdle;
}

void LossReporter::StepRepairs(bool repair, size_t backlog, const std::optional<Position>& position) {
  const absl::Time now = now_;
  if (repair && now >= RepairingUntil()) {
    const std::vector<delivery::SymbolSpan> missing = receiver_->TakeRepair(now);
    if (!missing.empty()) Repair(missing, TakeReport(backlog, position));
  }
  const uint64_t missing = receiver_->counters().missing_symbols;
  if (missing > told_missing_ && loss_seen_at_ == absl::InfiniteFuture()) loss_seen_at_ = now;
  if (missing <= told_missing_) loss_seen_at_ = absl::InfiniteFuture();
}

absl::Time LossReporter::NextDeadline() const {
  if (reporting_) return absl::InfiniteFuture();
  if (transport_untold_) return absl::InfinitePast();
  return std::min(report_at_, loss_seen_at_ + kReportAfterLoss);
}

absl::Time LossReporter::RepairingUntil() const {
  return repairing_ ? asked_ + limits::kRepairGiveUp : absl::InfinitePast();
}

v1::ReceptionReport LossReporter::TakeReport(size_t backlog, const std::optional<Position>& position) {
  const delivery::ReceiverCounters counters =
      receiver_ == nullptr ? delivery::ReceiverCounters{} : receiver_->counters();
  v1::ReceptionReport report;
  if (receiver_ == nullptr) told_expected_ = told_missing_ = 0;
  // What comes by unicast slows no stream.
  if (transport_ != v1::TRANSPORT_UNICAST) {
    report.set_expected_symbols(counters.expected_symbols - told_expected_);
    report.set_missing_symbols(counters.missing_symbols - told_missing_);
  }
  report.set_transport(transport_);
  transport_untold_ = false;
  report.set_unicast_reason(unicast_reason_);
  report.set_paused(paused_);
  report.set_backlog_bytes(backlog);
  report.set_round_trip_microseconds(
      static_cast<uint32_t>(std::min<int64_t>(absl::ToInt64Microseconds(round_trip_), UINT32_MAX)));
  // What is shown of a definition that was altered says nothing of this stream.
  if (position && position->definition.view() == grant_.definition_hash())
    *report.mutable_position() = ToProto(*position);
  told_expected_ = counters.expected_symbols;
  told_missing_ = counters.missing_symbols;
  loss_seen_at_ = absl::InfiniteFuture();
  return report;
}

void LossReporter::Repair(const std::vector<delivery::SymbolSpan>& missing, v1::ReceptionReport report) {
  v1::RepairRequest request;
  request.set_stream_id(grant_.stream_id());
  request.set_incarnation(receiver_->incarnation());
  for (const delivery::SymbolSpan& span : missing) {
    v1::SymbolRange* range = request.add_missing();
    range->set_first(span.first);
    range->set_last(span.last);
  }
  *request.mutable_report() = std::move(report);
  repairing_ = true;
  asked_ = now_;
  control_.Repair(request,
                  inbox_.Expect<v1::RepairResponse>([this, generation = generation_, number = ++repairs_](auto answer) {
                    if (generation == generation_ && number == repairs_) OnRepaired(answer);
                  }));
}

void LossReporter::OnRepaired(const absl::StatusOr<v1::RepairResponse>& answer) {
  now_ = inbox_.now();
  repairing_ = false;
  if (!answer.ok()) {
    receiver_->OnRepairAnswer(false, absl::ZeroDuration(), now_);
    failure_ = answer.status();
    return;
  }
  round_trip_ = now_ - asked_;
  switch (answer->outcome()) {
    case v1::REPAIR_OUTCOME_FRAMES: {
      // Frames that are refused help nobody: another member may have moved the replay window beyond them.
      bool helped = false;
      for (const std::string& frame : answer->frames()) {
        helped |= receiver_->OnDatagram(frame, now_) == delivery::FrameOutcome::kSymbol;
      }
      receiver_->OnRepairAnswer(helped, absl::ZeroDuration(), now_);
      break;
    }
    case v1::REPAIR_OUTCOME_CATCH_UP:
      receiver_->OnRepairAnswer(true, absl::ZeroDuration(), now_);
      catch_up_wanted_ = true;
      break;
    default:
      receiver_->OnRepairAnswer(false, FromProto(answer->retry_after()), now_);
      break;
  }
}

void LossReporter::Report(v1::ReceptionReport report) {
  v1::ReportRequest request;
  request.set_stream_id(grant_.stream_id());
  *request.mutable_report() = std::move(report);
  reporting_ = true;
  report_at_ = now_ + limits::kReportIdle * (1.0 + random_.Unit());
  control_.Report(request, inbox_.Expect<v1::ReportResponse>([this, generation = generation_](auto answer) {
    if (generation != generation_) return;
    now_ = inbox_.now();
    reporting_ = false;
    if (!answer.ok()) {
      failure_ = answer.status();
      return;
    }
    if (answer->rate_bytes_per_second() > 0) rate_ = answer->rate_bytes_per_second();
    report_at_ = std::max(report_at_, now_ + absl::Seconds(answer->next_report_seconds()));
    answer_ = *answer;
  }));
}

}  // namespace replicast
