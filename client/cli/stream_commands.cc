#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/json_output.h"
#include "client/cli/stream_text.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/base/lsn.h"
#include "replicast/v1/admin_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using AdminStub = v1::AdminService::Stub;

std::string Names(const v1::Stream& stream) {
  std::string text;
  for (const std::string& name : stream.datasets()) text += (text.empty() ? "" : ",") + name;
  return text;
}

std::string RateText(uint64_t bytes) { return HumanBytes(bytes) + "/s"; }

absl::Status List(const Context& context) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::ListStreamsRequest request;
  v1::ListStreamsResponse all;
  do {
    ASSIGN_OR_RETURN(v1::ListStreamsResponse page, connection.Call<v1::AdminService>(&AdminStub::ListStreams, request));
    request.set_page_token(page.next_page_token());
    all.mutable_streams()->MergeFrom(page.streams());
  } while (!request.page_token().empty());
  if (context.json) {
    PrintJson(ToJson(all));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {
      {"DATASETS", "GROUP", "LSN", "EPOCH", "RATE", "MEMBERS", "FRAMES", "BYTES", "REPAIRS"}};
  for (const auto& stream : all.streams()) {
    rows.push_back({Names(stream), GroupText(stream), Lsn{stream.position().lsn()}.ToText(),
                    std::to_string(stream.current_epoch()), RateText(stream.rate_bytes_per_second()),
                    MembersText(stream), HumanCount(stream.frames_sent()), HumanBytes(stream.bytes_sent()),
                    HumanCount(stream.repairs_sent())});
  }
  PrintTable(rows);
  return absl::OkStatus();
}

void PrintStream(const v1::Stream& stream) {
  char id[16];
  std::snprintf(id, sizeof id, "%08x", stream.stream_id());
  PrintTable(
      {{"datasets", Names(stream)},
       {"stream id", id},
       {"position", HexEncode(stream.position().history_id()) + "/" + Lsn{stream.position().lsn()}.ToText()},
       {"catch-up from", Lsn{stream.oldest_lsn()}.ToText() + " on, " + HumanBytes(stream.stored_bytes()) + " stored"},
       {"group", GroupText(stream)},
       {"key epoch", std::to_string(stream.current_epoch())},
       {"rate", RateText(stream.rate_bytes_per_second()) + ": " + stream.rate_reason()},
       {"rate between",
        RateText(stream.rate_floor_bytes_per_second()) + " and " + RateText(stream.rate_ceiling_bytes_per_second())},
       {"members", std::to_string(stream.members())},
       {"way to the master", PathText(stream.path())},
       {"reached", TransportsText(stream)},
       {"sent", HumanCount(stream.units_sent()) + " units, " + HumanCount(stream.rows_published()) + " rows, " +
                    HumanCount(stream.frames_sent()) + " frames, " + HumanBytes(stream.bytes_sent())},
       {"repaired", HumanCount(stream.repairs_sent()) + " symbols"}});
}

absl::Status Show(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::GetStreamRequest request;
  request.set_dataset(name);
  ASSIGN_OR_RETURN(const v1::GetStreamResponse response,
                   connection.Call<v1::AdminService>(&AdminStub::GetStream, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    PrintStream(response.stream());
  return absl::OkStatus();
}

absl::Status Rekey(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  v1::RekeyRequest request;
  request.set_dataset(name);
  ASSIGN_OR_RETURN(const v1::RekeyResponse response, connection.Call<v1::AdminService>(&AdminStub::Rekey, request));
  if (context.json)
    PrintJson(ToJson(response));
  else
    std::printf("key epoch %u of %s is announced; it begins in %s\n", response.epoch(), name.c_str(),
                HumanSeconds(absl::ToDoubleSeconds(limits::kKeyAnnounce)).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddStreamCommands(CLI::App& app, Context& context) {
  CLI::App* stream = app.add_subcommand("stream", "List and show streams");
  stream->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  CLI::App* list = stream->add_subcommand("list", "All streams: group, position, rate, what was sent");
  list->footer("Example:\n  replicast stream list --json");
  list->callback([&context] { context.command = [&context](int*) { return List(context); }; });
  CLI::App* show = stream->add_subcommand("show", "One stream, and why it has the rate that it has");
  show->add_option("NAME", *name, "A dataset")->required();
  show->footer("Example:\n  replicast stream show libraries");
  show->callback([&context, name] { context.command = [&context, name](int*) { return Show(context, *name); }; });
  CLI::App* rekey = app.add_subcommand("rekey", "Begin a new key epoch of a dataset's stream");
  rekey->add_option("NAME", *name, "A dataset")->required();
  rekey->footer("Example:\n  replicast rekey libraries");
  rekey->callback([&context, name] { context.command = [&context, name](int*) { return Rekey(context, *name); }; });
}

}  // namespace replicast::cli
