#include "server/control/rate_service.h"

#include "common/base/errors.h"
#include "server/control/call.h"
#include "server/control/messages.h"

namespace replicast::control {

namespace {

// What the report says of where the member stands; in `response` what follows from that.
void TakePosition(ControlPlane& plane, const Member& member, const StreamInfo& stream,
                  const v1::ReceptionReport& report, v1::ReportResponse* response) {
  const absl::StatusOr<Position> position = FromProto(report.position());
  const bool ours = position.ok() && position->definition == stream.definition_hash;
  if (plane.memory().Remembers(member.id, stream.definition_hash)) {
    // What can't be changes nothing; the member hears what to do where it says that it is.
    if (position.ok()) plane.memory().Acknowledge(member.id, stream, *position).IgnoreError();
    if (ours) {
      response->set_next_step(NextStepOf(plane.publisher().NextStepFor(*position, response->mutable_reason())));
    }
  } else if (ours) {
    plane.NotePosition(member.id, *position);
  }
  plane.membership().positions().NoteReception(member.id, stream.definition_hash, report.transport(),
                                               report.unicast_reason(), report.paused());
}

// Of a stream without a channel the definition says which it is.
absl::StatusOr<DefinitionHash> ReportedStream(ControlPlane& plane, uint32_t stream_id,
                                              const v1::ReceptionReport& report) {
  if (const auto channel = plane.multicaster().ChannelById(stream_id)) return channel->definition_hash;
  const auto named = DefinitionHash::FromBytes(report.position().definition_hash());
  if (stream_id == 0 && named && !plane.multicaster().Channel(*named)) return *named;
  return Error(absl::StatusCode::kNotFound, "STREAM_UNKNOWN", "there is no such stream any more: subscribe again");
}

}  // namespace

absl::StatusOr<v1::ReportResponse> TakeReport(ControlPlane& plane, const Member& member, uint32_t stream_id,
                                              const v1::ReceptionReport& report) {
  ASSIGN_OR_RETURN(const DefinitionHash definition, ReportedStream(plane, stream_id, report));
  ASSIGN_OR_RETURN(const StreamInfo stream, plane.ReadableStream(member, definition, "report"));
  Membership::Activity& activity = plane.membership().activity(member.id);
  // A member that was thought gone is back. One that takes nothing slows nobody down.
  plane.Join(member, definition, report.paused() ? 0 : activity.max_rate);
  plane.NoteWay(member.id, definition, report.transport(), report.unicast_reason());
  const uint64_t expected = activity.report.expected_symbols() + report.expected_symbols();
  const uint64_t missing = activity.report.missing_symbols() + report.missing_symbols();
  activity.report = report;
  activity.report.set_expected_symbols(expected);
  activity.report.set_missing_symbols(missing);
  v1::ReportResponse response;
  if (stream_id != 0) {
    ASSIGN_OR_RETURN(response, plane.multicaster().Report(stream_id, member.id, report));
  }
  TakePosition(plane, member, stream, report, &response);
  if (const auto pause = plane.PauseOf(member.id)) *response.mutable_pause() = *pause;
  return response;
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
