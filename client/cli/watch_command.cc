#include <memory>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/definition_arguments.h"
#include "client/cli/json_output.h"
#include "common/base/encoding.h"
#include "common/base/errors.h"
#include "common/wire/value_proto.h"
#include "replicast/v1/changes_service.grpc.pb.h"

namespace replicast::cli {
namespace {

using Json = nlohmann::ordered_json;

// A line of --json: {"kind": "upsert" | "delete", "table": …, "values": {column: value}}, and after the changes of each
// unit
// {"kind": "position", "position": "HISTORY/LSN"}: watch --from it to go on.
void PrintChange(const Context& context, const v1::Change& change) {
  const bool upsert = change.kind() == v1::CHANGE_KIND_UPSERT;
  if (context.json) {
    Json values = Json::object();
    for (int i = 0; i < change.values_size() && i < change.columns_size(); ++i)
      values[change.columns(i)] = ValueToJson(wire::FromProto(change.values(i)));
    PrintJsonLine({{"kind", upsert ? "upsert" : "delete"}, {"table", change.table()}, {"values", values}});
    return;
  }
  std::string line = (upsert ? "upsert " : "delete ") + change.table();
  for (int i = 0; i < change.values_size() && i < change.columns_size(); ++i) {
    line += " " + change.columns(i) + "=" + ToDisplay(wire::FromProto(change.values(i)));
  }
  std::printf("%s\n", line.c_str());
}

void PrintPosition(const Context& context, const v1::Position& position) {
  const std::string text = HexEncode(position.history_id()) + "/" + Lsn{position.lsn()}.ToText();
  if (context.json)
    PrintJsonLine({{"kind", "position"}, {"position", text}});
  else
    std::printf("-- %s\n", text.c_str());
  std::fflush(stdout);
}

absl::Status Watch(const Context& context, const std::string& dataset, const std::string& from) {
  v1::WatchRequest request;
  request.set_dataset(dataset);
  if (!from.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_from(), ParsePosition(from));
  }
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  const auto stub = v1::ChangesService::NewStub(connection.channel());
  grpc::ClientContext call;
  const auto reader = stub->Watch(&call, request);
  v1::WatchResponse response;
  while (reader->Read(&response)) {
    for (const v1::Change& change : response.changes()) PrintChange(context, change);
    if (response.has_position()) PrintPosition(context, response.position());
  }
  const absl::Status status = connection.Explain(rpc::FromGrpc(reader->Finish()));
  return status.ok() ? Error(absl::StatusCode::kUnavailable, "STREAM_ENDED",
                             "the server ended the stream; watch again from the last position")
                     : status;
}

}  // namespace

void AddWatchCommand(CLI::App& app, Context& context) {
  auto dataset = std::make_shared<std::string>();
  auto from = std::make_shared<std::string>();
  CLI::App* watch = app.add_subcommand("watch", "The net changes of a dataset as they happen; ends with Ctrl-C");
  watch->add_option("NAME", *dataset, "The dataset")->required();
  watch->add_option("--from", *from, "Go on from this position (HISTORY/LSN) instead of now");
  watch->footer("Example:\n  replicast watch libraries --json");
  watch->callback([&context, dataset, from] {
    context.command = [&context, dataset, from](int*) { return Watch(context, *dataset, *from); };
  });
}

}  // namespace replicast::cli
