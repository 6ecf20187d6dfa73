#ifndef REPLICAST_SERVER_CONTROL_MESSAGES_H_
#define REPLICAST_SERVER_CONTROL_MESSAGES_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "common/base/lsn.h"
#include "common/wire/position_proto.h"
#include "replicast/v1/admin_service.pb.h"
#include "replicast/v1/types.pb.h"
#include "server/membership/grants.h"
#include "server/membership/membership.h"
#include "server/publish/multicaster.h"
#include "server/publish/publisher.h"

// What the server knows, as messages.
namespace replicast::control {

// INVALID_ARGUMENT (REQUEST_INVALID) when ids have the wrong length.
absl::StatusOr<Position> FromProto(const v1::Position& position);
v1::Pause PauseMessage(absl::Time until);
v1::ScrubResponse ScrubOf(const ScrubReport& report);
v1::NextStep NextStepOf(NextStep step);

void SetTime(absl::Time time, google::protobuf::Timestamp* out);
void SetDuration(absl::Duration duration, google::protobuf::Duration* out);
absl::Duration FromProto(const google::protobuf::Duration& duration);

v1::Dataset DatasetOf(const std::string& name, const StreamInfo& info);
v1::Stream StreamOf(const StreamInfo& info, const std::optional<ChannelInfo>& channel, const Grants::WayCounts& ways);
v1::MemberSubscription SubscriptionOf(const MemberPositions::Standing& standing, const std::string& dataset, bool held);
v1::Member MemberOf(const Member& member, const Membership::Activity* activity);

}  // namespace replicast::control

#endif  // REPLICAST_SERVER_CONTROL_MESSAGES_H_
