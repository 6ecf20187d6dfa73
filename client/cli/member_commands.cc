#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
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

void PrintMember(const v1::Member& member) {
  PrintTable({{"member", HexEncode(member.member_id())},
              {"name", member.display_name()},
              {"role", member.role()},
              {"state", member.revoked() ? "revoked" : "active"},
              {"datasets", Join(member.datasets())},
              {"position", Lsn{member.position().lsn()}.ToText() + " (last reported)"},
              {"loss", LossText(member)},
              {"last seen", Ago(member.last_seen_at())},
              {"enrolled", Ago(member.enrolled_at())}});
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

}  // namespace

void AddMemberCommands(CLI::App& app, Context& context) {
  CLI::App* member = app.add_subcommand("member", "List, show and revoke members");
  member->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  CLI::App* list = member->add_subcommand("list", "All members");
  list->footer("Example:\n  replicast member list --json");
  list->callback([&context] { context.command = [&context](int*) { return List(context); }; });
  CLI::App* show = member->add_subcommand("show", "One member: datasets, position, loss");
  show->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  show->footer("Example:\n  replicast member show 1a2b3c");
  show->callback([&context, name] { context.command = [&context, name](int*) { return Show(context, *name); }; });
  CLI::App* revoke = member->add_subcommand("revoke", "End a member's rights, at once");
  revoke->add_option("ID", *name, "Its id, a unique beginning of it, or its name")->required();
  revoke->footer("Example:\n  replicast member revoke 1a2b3c");
  revoke->callback([&context, name] { context.command = [&context, name](int*) { return Revoke(context, *name); }; });
}

}  // namespace replicast::cli
