#include <cctype>
#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/lsn.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using AdminStub = v1::AdminService::Stub;

std::string Ago(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "never";
  return HumanSeconds(absl::ToDoubleSeconds(absl::Now() - absl::FromUnixSeconds(time.seconds()))) + " ago";
}

std::string Join(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

std::string LossText(const v1::Member& member) {
  if (member.expected_symbols() == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%",
                100.0 * static_cast<double>(member.missing_symbols()) / static_cast<double>(member.expected_symbols()));
  return text;
}

absl::Status List(const Context& context) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::ListMembersRequest request;
  v1::ListMembersResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListMembersResponse page, connection.Call<v1::AdminService>(&AdminStub::ListMembers, request));
    request.set_page_token(page.next_page_token());
    all.mutable_members()->MergeFrom(page.members());
  } while (!request.page_token().empty());
  if (context.json) {
    PrintJson(ToJson(all));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {
      {"MEMBER", "NAME", "ROLE", "DATASETS", "POSITION", "LOSS", "LAST SEEN", "STATE"}};
  for (const auto& member : all.members()) {
    rows.push_back({HexEncode(member.member_id()).substr(0, 12), member.display_name(), member.role(),
                    Join(member.datasets()), Lsn{member.position().lsn()}.ToText(), LossText(member),
                    Ago(member.last_seen_at()), member.revoked() ? "revoked" : "active"});
  }
  PrintTable(rows);
  return absl::OkStatus();
}

std::string Lowered(std::string text) {
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// UNICAST_REASON_NO_GROUP → "no group".
std::string Behind(const std::string& name, const std::string& prefix) { return Lowered(name.substr(prefix.size())); }

std::string TransportText(const v1::MemberSubscription& one) {
  if (one.transport() == v1::TRANSPORT_UNSPECIFIED) return "-";
  std::string text = Behind(v1::Transport_Name(one.transport()), "TRANSPORT_");
  if (one.unicast_reason() != v1::UNICAST_REASON_UNSPECIFIED)
    text += " (" + Behind(v1::UnicastReason_Name(one.unicast_reason()), "UNICAST_REASON_") + ")";
  return text;
}

std::string PauseText(const v1::Member& member) {
  if (!member.has_pause()) return "no";
  if (!member.pause().has_until()) return "until it is resumed";
  return "for another " +
         HumanSeconds(absl::ToDoubleSeconds(absl::FromUnixSeconds(member.pause().until().seconds()) - absl::Now()));
}

void PrintSubscriptions(const v1::Member& member) {
  std::vector<std::vector<std::string>> rows = {
      {"DATASET", "REMEMBERED BY", "STANDS AT", "TOLD", "TRANSPORT", "TAKES", "UNITS HELD"}};
  for (const v1::MemberSubscription& one : member.subscriptions()) {
    const bool server = one.memory() == v1::MEMORY_SERVER;
    rows.push_back({one.dataset(), server ? "server" : "client",
                    one.has_position() ? Lsn{one.position().lsn()}.ToText() : "nothing yet", Ago(one.reported_at()),
                    TransportText(one), one.paused() ? "nothing now" : "yes",
                    !server      ? "-"
                    : one.held() ? "yes"
                                 : "no"});
  }
  if (rows.size() == 1) return;
  std::printf("\n");
  PrintTable(rows);
}

void PrintMember(const v1::Member& member) {
  PrintTable({{"member", HexEncode(member.member_id())},
              {"name", member.display_name()},
              {"role", member.role()},
              {"state", member.revoked() ? "revoked" : "active"},
              {"datasets", Join(member.datasets())},
              {"position", Lsn{member.position().lsn()}.ToText() + " (last reported)"},
              {"loss", LossText(member)},
              {"last seen", Ago(member.last_seen_at())},
              {"enrolled", Ago(member.enrolled_at())},
              {"paused", PauseText(member)}});
  PrintSubscriptions(member);
}

absl::Status Show(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::GetMemberRequest request;
  request.set_member(name);
  ASSIGN_OR_RETURN(const v1::GetMemberResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::GetMember, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    PrintMember(response.member());
  return absl::OkStatus();
}

absl::Status Revoke(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::RevokeMemberRequest request;
  request.set_member(name);
  ASSIGN_OR_RETURN(const v1::RevokeMemberResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::RevokeMember, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("member %s (%s) is revoked: it reads nothing that is published from now on\n",
                HexEncode(response.member().member_id()).c_str(), response.member().display_name().c_str());
  return absl::OkStatus();
}

absl::Status Pause(const Context& context, const std::string& name, const std::string& duration) {
  v1::PauseMemberRequest request;
  request.set_member(name);
  if (!duration.empty()) {
    ASSIGN_OR_RETURN(const absl::Duration time, ParseDuration(duration, "--for"));
    request.mutable_duration()->set_seconds(absl::ToInt64Seconds(time));
    request.mutable_duration()->set_nanos(static_cast<int32_t>((time % absl::Seconds(1)) / absl::Nanoseconds(1)));
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::PauseMemberResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::PauseMember, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("member %s (%s) is paused %s: it takes nothing, and what it skips follows afterwards\n",
                HexEncode(response.member().member_id()).c_str(), response.member().display_name().c_str(),
                PauseText(response.member()).c_str());
  return absl::OkStatus();
}

absl::Status Resume(const Context& context, const std::string& name) {
  v1::ResumeMemberRequest request;
  request.set_member(name);
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  ASSIGN_OR_RETURN(const v1::ResumeMemberResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::ResumeMember, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("member %s (%s) is resumed: it hears of it with its next report, within two minutes\n",
                HexEncode(response.member().member_id()).c_str(), response.member().display_name().c_str());
  return absl::OkStatus();
}

}  // namespace

void AddMemberCommands(CLI::App& app, Context& context) {
  CLI::App* member = app.add_subcommand("member", "List, show, pause and revoke members");
  member->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  CLI::App* list = member->add_subcommand("list", "All members");
  list->footer("Example:\n  replicast member list --json");
  list->callback([&context] { context.command = [&context](int*) { return List(context); }; });
  CLI::App* show = member->add_subcommand("show", "One member: datasets, who remembers what it has, position, loss");
  show->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  show->footer("Example:\n  replicast member show 1a2b3c");
  show->callback([&context, name] { context.command = [&context, name](int*) { return Show(context, *name); }; });
  auto duration = std::make_shared<std::string>();
  CLI::App* pause = member->add_subcommand("pause", "The member takes nothing for a while; what it skips follows then");
  pause->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  pause->add_option("--for", *duration, "How long, e.g. 2h; without it, until it is resumed");
  pause->footer("Example:\n  replicast member pause 1a2b3c --for 2h");
  pause->callback([&context, name, duration] {
    context.command = [&context, name, duration](int*) { return Pause(context, *name, *duration); };
  });
  CLI::App* resume = member->add_subcommand("resume", "The member takes again what comes, and what it skipped");
  resume->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  resume->footer("Example:\n  replicast member resume 1a2b3c");
  resume->callback([&context, name] { context.command = [&context, name](int*) { return Resume(context, *name); }; });
  CLI::App* revoke = member->add_subcommand("revoke", "End a member's rights, at once");
  revoke->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  revoke->footer("Example:\n  replicast member revoke 1a2b3c");
  revoke->callback([&context, name] { context.command = [&context, name](int*) { return Revoke(context, *name); }; });
}

}  // namespace replicast::cli
