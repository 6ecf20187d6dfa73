#include <pthread.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "client/cli/acknowledger.h"
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

// While it lives, SIGINT and SIGTERM wait. Made before any other thread is, which then lets them wait too.
class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  ~HeldSignals() { pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  // One came, within a moment.
  bool Came() const {
    const timespec moment{0, 50'000'000};
    return sigtimedwait(&signals_, nullptr, &moment) >= 0;
  }

 private:
  sigset_t signals_{};
};

// Calls a function on a thread of its own when one of them comes.
class Interruption {
 public:
  Interruption(const HeldSignals& signals, std::function<void()> interrupt)
      : thread_([this, &signals, interrupt = std::move(interrupt)] {
          while (!over_ && !happened_) {
            if (!signals.Came()) continue;
            happened_ = true;
            interrupt();
          }
        }) {}
  ~Interruption() {
    over_ = true;
    thread_.join();
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  bool happened() const { return happened_; }

 private:
  std::atomic<bool> over_ = false, happened_ = false;
  std::thread thread_;
};

struct WatchOptions {
  std::string dataset, from, memory = "client";
};

void PrintResponse(const Context& context, const v1::WatchResponse& response) {
  const TextEncoding encoding = TextEncodingFromName(response.encoding()).value_or(TextEncoding::kUtf8);
  if (response.has_schema()) PrintSchema(context, response.schema().schema());
  for (const v1::Change& change : response.changes()) PrintChange(context, change, encoding);
  if (response.has_position()) PrintPosition(context, response.position());
}

absl::Status Watch(const Context& context, const WatchOptions& options) {
  v1::WatchRequest request;
  request.set_dataset(options.dataset);
  if (!options.from.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_from(), ParsePosition(options.from));
  }
  const bool acknowledges = options.memory == "server";
  std::optional<HeldSignals> signals;
  if (acknowledges) signals.emplace();
  request.set_memory(acknowledges ? v1::MEMORY_SERVER : v1::MEMORY_CLIENT);
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(context));
  const auto stub = v1::ChangesService::NewStub(connection.channel());
  grpc::ClientContext call;
  const auto reader = stub->Watch(&call, request);
  std::optional<Acknowledger> acknowledger;
  std::optional<Interruption> interruption;
  if (acknowledges) {
    acknowledger.emplace(connection, options.dataset, [&call] { call.TryCancel(); });
    interruption.emplace(*signals, [&call] { call.TryCancel(); });
  }
  v1::WatchResponse response;
  while (reader->Read(&response)) {
    PrintResponse(context, response);
    if (!acknowledges || !response.has_position()) continue;
    if (std::ferror(stdout) != 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "MACHINE_OUTPUT_FAILED",
                   "what was watched could not be written; nothing of it was acknowledged");
    }
    acknowledger->Put(response.position());
  }
  const absl::Status status = connection.Explain(rpc::FromGrpc(reader->Finish()));
  if (acknowledges) {
    RETURN_IF_ERROR(acknowledger->Finish());
    if (interruption->happened()) return absl::OkStatus();
  }
  return status.ok() ? Error(absl::StatusCode::kUnavailable, "STREAM_ENDED",
                             "the server ended the stream; watch again from the last position")
                     : status;
}

}  // namespace

void AddWatchCommand(CLI::App& app, Context& context) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* watch = app.add_subcommand("watch", "The net changes of a dataset as they happen; ends with Ctrl-C");
  watch->add_option("NAME", options->dataset, "The dataset")->required();
  watch->add_option("--from", options->from, "Go on from this position (HISTORY/LSN) instead of now");
  watch
      ->add_option("--memory", options->memory,
                   "Who remembers where this stands: client (the default) or server, which is told of everything that "
                   "was printed; the next watch goes on behind that")
      ->check(CLI::IsMember({"client", "server"}));
  watch->footer(
      "Examples:\n  replicast watch libraries --json\n  replicast watch libraries --json --memory server "
      ">>changes.jsonl\n"
      "      goes on behind what it printed before, under the same credential");
  watch->callback(
      [&context, options] { context.command = [&context, options](int*) { return Watch(context, *options); }; });
}

}  // namespace replicast::cli
