#include <map>
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

// The server's words are believed no further than its message reaches.
std::string ColumnOf(const v1::Change& change, const v1::LongValue& value) {
  return value.column() < static_cast<uint32_t>(change.columns_size())
             ? change.columns(static_cast<int>(value.column()))
             : std::string();
}

bool IsText(const v1::LongValue& value) { return value.storage_class() == static_cast<uint32_t>(StorageClass::kText); }

// A line of --json: {"kind": "upsert" | "delete", "table": …, "values": {column: value}}, and after the changes of each
// unit
// {"kind": "position", "position": "HISTORY/LSN"}: watch --from it to go on. Values of over a thousand bytes in a row
// of over 256 KiB are not shown, only how long they are: {"text_bytes": n} or {"blob_bytes": n}.
void PrintChange(const Context& context, const v1::Change& change, TextEncoding encoding) {
  const bool upsert = change.kind() == v1::CHANGE_KIND_UPSERT;
  if (context.json) {
    Json values = Json::object();
    for (int i = 0; i < change.values_size() && i < change.columns_size(); ++i)
      values[change.columns(i)] = ValueToJson(wire::FromProto(change.values(i)), encoding);
    for (const v1::LongValue& value : change.long_values())
      values[ColumnOf(change, value)] = {{IsText(value) ? "text_bytes" : "blob_bytes", value.length()}};
    PrintJsonLine({{"kind", upsert ? "upsert" : "delete"}, {"table", change.table()}, {"values", values}});
    return;
  }
  std::string line = (upsert ? "upsert " : "delete ") + change.table();
  std::map<int, std::string> shown;
  for (const v1::LongValue& value : change.long_values())
    shown[static_cast<int>(value.column())] =
        (IsText(value) ? "<text of " : "<blob of ") + HumanBytes(value.length()) + ">";
  for (int i = 0; i < change.values_size() && i < change.columns_size(); ++i) {
    const auto found = shown.find(i);
    line += " " + change.columns(i) + "=" +
            (found == shown.end() ? ToDisplay(wire::FromProto(change.values(i)), encoding) : found->second);
  }
  std::printf("%s\n", line.c_str());
}

// {"kind": "schema", "version": n, "tables": {table: [column, …]}}: what follows is named like this.
void PrintSchema(const Context& context, const v1::DatasetSchema& schema) {
  if (!context.json) {
    std::printf("-- schema %s\n", std::to_string(schema.version()).c_str());
    return;
  }
  Json tables = Json::object();
  for (const v1::TableSchema& table : schema.tables()) {
    Json columns = Json::array();
    for (const v1::ColumnSchema& column : table.columns()) columns.push_back(column.name());
    tables[table.name()] = std::move(columns);
  }
  PrintJsonLine({{"kind", "schema"}, {"version", schema.version()}, {"tables", std::move(tables)}});
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
    const TextEncoding encoding = TextEncodingFromName(response.encoding()).value_or(TextEncoding::kUtf8);
    if (response.has_schema()) PrintSchema(context, response.schema().schema());
    for (const v1::Change& change : response.changes()) PrintChange(context, change, encoding);
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
