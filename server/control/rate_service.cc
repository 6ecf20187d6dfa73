#include "server/control/rate_service.h"

#include "common/base/errors.h"
#include "server/control/call.h"
#include "server/control/messages.h"

namespace replicast::control {

absl::StatusOr<v1::ReportResponse> TakeReport(ControlPlane& plane, const Member& member, uint32_t stream_id,
                                              const v1::ReceptionReport& report) {
  const auto channel = plane.multicaster().ChannelById(stream_id);
  if (!channel)
    return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "there is no such stream any more: subscribe again");
  RETURN_IF_ERROR(plane.ReadableStream(member, channel->definition_hash, "report").status());
  Membership::Activity& activity = plane.membership().activity(member.id);
  // A member that was thought gone is back.
  plane.Join(member, channel->definition_hash, activity.max_rate);
  plane.NoteWay(member.id, channel->definition_hash, report.transport(), report.unicast_reason());
  const uint64_t expected = activity.report.expected_symbols() + report.expected_symbols();
  const uint64_t missing = activity.report.missing_symbols() + report.missing_symbols();
  activity.report = report;
  activity.report.set_expected_symbols(expected);
  activity.report.set_missing_symbols(missing);
  if (report.has_position()) {
    const auto position = FromProto(report.position());
    if (position.ok() && position->definition == channel->definition_hash) plane.NotePosition(member.id, *position);
  }
  return plane.multicaster().Report(stream_id, member.id, report);
}

grpc::ServerUnaryReactor* RateService::Report(grpc::CallbackServerContext* context, const v1::ReportRequest* request,
                                              v1::ReportResponse* response) {
  return ForMember(
      plane_, context, request, response,
      [this](const Member& member, const v1::ReportRequest& asked, const rpc::Answer<v1::ReportResponse>& answer) {
        answer(TakeReport(plane_, member, asked.stream_id(), asked.report()));
      });
}

}  // namespace replicast::control
