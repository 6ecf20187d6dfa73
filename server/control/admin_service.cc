#include "server/control/admin_service.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/wire/token.h"
#include "server/control/call.h"
#include "server/control/messages.h"
#include "server/control/server_status.h"

namespace replicast::control {
namespace {

constexpr uint32_t kDefaultPageSize = 100;

uint32_t PageSize(uint32_t asked) { return asked == 0 ? kDefaultPageSize : std::min(asked, limits::kMaxPageSize); }

}  // namespace

grpc::ServerUnaryReactor* AdminService::GetStatus(Context* context, const v1::GetStatusRequest* request,
                                                  v1::GetStatusResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::GetStatusRequest&) -> absl::StatusOr<v1::GetStatusResponse> {
                    return StatusOf(plane_);
                  });
}

grpc::ServerUnaryReactor* AdminService::CreateDataset(Context* context, const v1::CreateDatasetRequest* request,
                                                      v1::CreateDatasetResponse* response) {
  return ForAdmin(
      plane_, context, request, response, [this](const Member& member, const v1::CreateDatasetRequest& asked) {
        return Once<v1::CreateDatasetResponse>(
            plane_, member, "CreateDataset", asked.request_id(), [&]() -> absl::StatusOr<v1::CreateDatasetResponse> {
              RETURN_IF_ERROR(plane_.publisher().CreateDataset(asked.name(), asked.definition()));
              plane_.engine().OnDatasetsChanged();
              plane_.membership().Record({member.id.ToHex(), "create_dataset", asked.name(), true, ""}).IgnoreError();
              ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(asked.name()));
              v1::CreateDatasetResponse answer;
              *answer.mutable_dataset() = DatasetOf(asked.name(), info);
              return answer;
            });
      });
}

grpc::ServerUnaryReactor* AdminService::AlterDataset(Context* context, const v1::AlterDatasetRequest* request,
                                                     v1::AlterDatasetResponse* response) {
  return ForAdmin(
      plane_, context, request, response, [this](const Member& member, const v1::AlterDatasetRequest& asked) {
        return Once<v1::AlterDatasetResponse>(
            plane_, member, "AlterDataset", asked.request_id(), [&]() -> absl::StatusOr<v1::AlterDatasetResponse> {
              RETURN_IF_ERROR(plane_.publisher().AlterDataset(asked.name(), asked.definition()));
              plane_.engine().OnDatasetsChanged();
              plane_.membership().Record({member.id.ToHex(), "alter_dataset", asked.name(), true, ""}).IgnoreError();
              RETURN_IF_ERROR(plane_.EndUnreadable());
              ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(asked.name()));
              v1::AlterDatasetResponse answer;
              *answer.mutable_dataset() = DatasetOf(asked.name(), info);
              return answer;
            });
      });
}

grpc::ServerUnaryReactor* AdminService::ListDatasets(Context* context, const v1::ListDatasetsRequest* request,
                                                     v1::ListDatasetsResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member&, const v1::ListDatasetsRequest& asked) -> absl::StatusOr<v1::ListDatasetsResponse> {
        v1::ListDatasetsResponse answer;
        const std::vector<std::string> names = plane_.publisher().Datasets();
        auto at = asked.page_token().empty() ? names.begin()
                                             : std::upper_bound(names.begin(), names.end(), asked.page_token());
        for (uint32_t left = PageSize(asked.page_size()); at != names.end() && left > 0; ++at, --left) {
          ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(*at));
          *answer.add_datasets() = DatasetOf(*at, info);
        }
        if (at != names.end()) answer.set_next_page_token(*std::prev(at));
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::GetDataset(Context* context, const v1::GetDatasetRequest* request,
                                                   v1::GetDatasetResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::GetDatasetRequest& asked) -> absl::StatusOr<v1::GetDatasetResponse> {
                    ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(asked.name()));
                    v1::GetDatasetResponse answer;
                    *answer.mutable_dataset() = DatasetOf(asked.name(), info);
                    return answer;
                  });
}

grpc::ServerUnaryReactor* AdminService::DeleteDataset(Context* context, const v1::DeleteDatasetRequest* request,
                                                      v1::DeleteDatasetResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member& member, const v1::DeleteDatasetRequest& asked) -> absl::StatusOr<v1::DeleteDatasetResponse> {
        RETURN_IF_ERROR(plane_.publisher().DeleteDataset(asked.name()));
        plane_.engine().OnDatasetsChanged();
        plane_.membership().Record({member.id.ToHex(), "delete_dataset", asked.name(), true, ""}).IgnoreError();
        RETURN_IF_ERROR(plane_.EndUnreadable());
        return v1::DeleteDatasetResponse();
      });
}

void AdminService::MakeToken(const Member& member, const v1::CreateTokenRequest& request,
                             const rpc::Answer<v1::CreateTokenResponse>& answer) {
  const std::string& id = request.request_id();
  if (id.size() > RequestCache::kMaxIdBytes) {
    return answer(Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a request_id has at most 64 bytes"));
  }
  const std::string key = id.empty() ? "" : member.id.ToBytes() + "CreateToken" + id;
  const auto known = plane_.answers().Find(key, plane_.now());
  if (v1::CreateTokenResponse response; known && response.ParseFromString(*known)) return answer(response);
  plane_.authority().CreateToken(member, request, [this, key, answer](absl::StatusOr<Authority::Token> made) {
    if (!made.ok()) return answer(made.status());
    for (const std::string& address : plane_.enrolment_addresses()) made->token.add_enrolment_addresses(address);
    for (const std::string& address : plane_.member_addresses()) made->token.add_member_addresses(address);
    plane_.RefreshEnrolment();
    v1::CreateTokenResponse response;
    response.set_token(wire::TokenToText(made->token));
    SetTime(made->expires_at, response.mutable_expires_at());
    if (!key.empty()) plane_.answers().Put(key, response.SerializeAsString(), plane_.now());
    answer(response);
  });
}

grpc::ServerUnaryReactor* AdminService::CreateToken(Context* context, const v1::CreateTokenRequest* request,
                                                    v1::CreateTokenResponse* response) {
  return ForMember(plane_, context, request, response,
                   [this](const Member& member, const v1::CreateTokenRequest& asked,
                          const rpc::Answer<v1::CreateTokenResponse>& answer) {
                     const absl::Status allowed = member.relay() ? absl::OkStatus() : plane_.RequireAdmin(member);
                     if (!allowed.ok()) return answer(allowed);
                     MakeToken(member, asked, answer);
                   });
}

// With what it holds of each dataset.
v1::Member AdminService::Described(const Member& member) {
  v1::Member message = MemberOf(member, plane_.membership().FindActivity(member.id));
  if (const auto pause = plane_.PauseOf(member.id)) *message.mutable_pause() = *pause;
  const std::vector<MemberPositions::Standing> standings = plane_.membership().positions().Of(member.id);
  const bool remembers =
      std::any_of(standings.begin(), standings.end(), [](const auto& standing) { return standing.server_remembers(); });
  const MemberMemory::Following following = remembers ? plane_.Following() : MemberMemory::Following();
  for (const MemberPositions::Standing& standing : standings) {
    const std::optional<StreamInfo> stream = plane_.publisher().Stream(standing.definition);
    std::string dataset = standing.dataset;
    if (dataset.empty() && stream && !stream->datasets.empty()) dataset = stream->datasets.front();
    *message.add_subscriptions() = SubscriptionOf(standing, dataset, plane_.memory().Holds(standing, following));
  }
  return message;
}

grpc::ServerUnaryReactor* AdminService::ListMembers(Context* context, const v1::ListMembersRequest* request,
                                                    v1::ListMembersResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member&, const v1::ListMembersRequest& asked) -> absl::StatusOr<v1::ListMembersResponse> {
        const auto after = MemberId::FromBytes(HexDecode(asked.page_token()).value_or("")).value_or(MemberId());
        const uint32_t size = PageSize(asked.page_size());
        ASSIGN_OR_RETURN(std::vector<Member> members, plane_.membership().members().List(after, size + 1));
        v1::ListMembersResponse answer;
        if (members.size() > size) {
          members.pop_back();
          answer.set_next_page_token(members.back().id.ToHex());
        }
        for (const Member& each : members) *answer.add_members() = Described(each);
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::GetMember(Context* context, const v1::GetMemberRequest* request,
                                                  v1::GetMemberResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::GetMemberRequest& asked) -> absl::StatusOr<v1::GetMemberResponse> {
                    ASSIGN_OR_RETURN(const Member found, plane_.membership().members().Find(asked.member()));
                    v1::GetMemberResponse answer;
                    *answer.mutable_member() = Described(found);
                    return answer;
                  });
}

grpc::ServerUnaryReactor* AdminService::RevokeMember(Context* context, const v1::RevokeMemberRequest* request,
                                                     v1::RevokeMemberResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member& member, const v1::RevokeMemberRequest& asked) -> absl::StatusOr<v1::RevokeMemberResponse> {
        RETURN_IF_ERROR(plane_.authority().CheckDecides());
        ASSIGN_OR_RETURN(const Member found, plane_.membership().members().Find(asked.member()));
        if (found.id == member.id) {
          return Error(absl::StatusCode::kFailedPrecondition, "LAST_ADMIN",
                       "that is the admin credential that you use: it can't revoke itself");
        }
        ASSIGN_OR_RETURN(const Member revoked,
                         plane_.Revoke(member.id.ToHex(), found.id, plane_.authority().RevocationNotice(found.id)));
        v1::RevokeMemberResponse answer;
        *answer.mutable_member() = MemberOf(revoked, nullptr);
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::PauseMember(Context* context, const v1::PauseMemberRequest* request,
                                                    v1::PauseMemberResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member& member, const v1::PauseMemberRequest& asked) -> absl::StatusOr<v1::PauseMemberResponse> {
        RETURN_IF_ERROR(plane_.authority().CheckDecides());
        ASSIGN_OR_RETURN(const Member found, plane_.membership().members().Find(asked.member()));
        const absl::Duration duration = asked.has_duration() ? FromProto(asked.duration()) : absl::InfiniteDuration();
        if (duration <= absl::ZeroDuration()) {
          return Error(absl::StatusCode::kInvalidArgument, "REQUEST_INVALID", "a pause takes some time");
        }
        RETURN_IF_ERROR(plane_.Pause(member.id.ToHex(), found, duration));
        v1::PauseMemberResponse answer;
        *answer.mutable_member() = Described(found);
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::ResumeMember(Context* context, const v1::ResumeMemberRequest* request,
                                                     v1::ResumeMemberResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member& member, const v1::ResumeMemberRequest& asked) -> absl::StatusOr<v1::ResumeMemberResponse> {
        RETURN_IF_ERROR(plane_.authority().CheckDecides());
        ASSIGN_OR_RETURN(const Member found, plane_.membership().members().Find(asked.member()));
        RETURN_IF_ERROR(plane_.Resume(member.id.ToHex(), found));
        v1::ResumeMemberResponse answer;
        *answer.mutable_member() = Described(found);
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::ListStreams(Context* context, const v1::ListStreamsRequest* request,
                                                    v1::ListStreamsResponse* response) {
  return ForAdmin(
      plane_, context, request, response,
      [this](const Member&, const v1::ListStreamsRequest& asked) -> absl::StatusOr<v1::ListStreamsResponse> {
        std::vector<StreamInfo> streams = plane_.publisher().Streams();
        std::sort(streams.begin(), streams.end(),
                  [](const auto& a, const auto& b) { return a.definition_hash < b.definition_hash; });
        const auto after =
            DefinitionHash::FromBytes(HexDecode(asked.page_token()).value_or("")).value_or(DefinitionHash());
        const Grants::WayCounts ways = plane_.grants().Ways();
        v1::ListStreamsResponse answer;
        for (const StreamInfo& info : streams) {
          if (info.definition_hash <= after) continue;
          if (answer.streams_size() == static_cast<int>(PageSize(asked.page_size()))) {
            answer.set_next_page_token(HexEncode(answer.streams(answer.streams_size() - 1).definition_hash()));
            break;
          }
          *answer.add_streams() = StreamStatus(plane_, info, ways);
        }
        return answer;
      });
}

grpc::ServerUnaryReactor* AdminService::GetStream(Context* context, const v1::GetStreamRequest* request,
                                                  v1::GetStreamResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::GetStreamRequest& asked) -> absl::StatusOr<v1::GetStreamResponse> {
                    ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(asked.dataset()));
                    v1::GetStreamResponse answer;
                    *answer.mutable_stream() = StreamStatus(plane_, info, plane_.grants().Ways());
                    return answer;
                  });
}

grpc::ServerUnaryReactor* AdminService::Rekey(Context* context, const v1::RekeyRequest* request,
                                              v1::RekeyResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member& member, const v1::RekeyRequest& asked) -> absl::StatusOr<v1::RekeyResponse> {
                    ASSIGN_OR_RETURN(const StreamInfo info, plane_.publisher().Dataset(asked.dataset()));
                    ASSIGN_OR_RETURN(const uint32_t epoch, plane_.multicaster().Rekey(info.definition_hash));
                    plane_.membership()
                        .Record({member.id.ToHex(), "rekey", asked.dataset(), true, "epoch " + std::to_string(epoch)})
                        .IgnoreError();
                    v1::RekeyResponse answer;
                    answer.set_epoch(epoch);
                    return answer;
                  });
}

grpc::ServerUnaryReactor* AdminService::Scrub(Context* context, const v1::ScrubRequest* request,
                                              v1::ScrubResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::ScrubRequest& asked) -> absl::StatusOr<v1::ScrubResponse> {
                    if (asked.now()) {
                      plane_.publisher().ScrubNow();
                      plane_.engine().OnScrubWanted();
                    }
                    return ScrubOf(plane_.publisher().scrub_report());
                  });
}

grpc::ServerUnaryReactor* AdminService::CheckMaster(Context* context, const v1::CheckMasterRequest* request,
                                                    v1::CheckMasterResponse* response) {
  return ForAdmin(plane_, context, request, response,
                  [this](const Member&, const v1::CheckMasterRequest&) { return plane_.publisher().CheckMaster(); });
}

}  // namespace replicast::control
