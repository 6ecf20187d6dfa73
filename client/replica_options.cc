#include "client/replica_options.h"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "client/cli/definition_arguments.h"
#include "client/session/intake.h"
#include "common/base/dataset_names.h"
#include "common/base/errors.h"
#include "common/net/connection_acceptor.h"

namespace replicast {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  replicast-replica --join - --dataset catalogue --database replica.db < token\n"
    "      joins with a token from `replicast token create`, takes a snapshot and follows\n"
    "  replicast-replica --database replica.db\n"
    "      goes on from where it stopped\n"
    "  replicast-replica --join - --dataset orders --table item --where 'item=shop = 17' --database shop.db < token\n"
    "      follows this much of the dataset\n"
    "  replicast-replica --database replica.db --server relay-a:7420 --server relay-b:7420 --server master:7420\n"
    "      follows the first that serves, and goes on to the next by itself when one is away\n"
    "  replicast-replica --database replica.db --transport unicast\n"
    "      never joins a multicast group, from now on\n"
    "  replicast-replica --database replica.db --schedule 22:00-06:00 --rate-cap 500kB\n"
    "      takes what comes at night only, and no faster than that\n"
    "  replicast-replica --database replica.db --until 812\n"
    "      goes up to that position and ends\n"
    "  replicast-replica --database replica.db --simulate-loss 5%\n"
    "      the same, losing every twentieth datagram, to see the repairs\n"
    "\n"
    "The database can be read by any program at any time, and must be written by none. The credential stands beside\n"
    "it, in replica.db-replicast/. When all is shown, one line says so on stdout: replicast-replica live dataset=…\n"
    "position=…. At --until it says replicast-replica reached … and ends with 0. Ends on SIGTERM or SIGINT with 0; 2: "
    "wrong usage; 3: no server at the first join; 4: refused or "
    "revoked;\n"
    "5: this machine prevents it (disk, interface, port, database).";

// The number in front and what follows it; nothing without a number.
std::optional<double> LeadingNumber(const std::string& text, std::string* rest) {
  if (text.empty() || (std::isdigit(static_cast<unsigned char>(text[0])) == 0 && text[0] != '.')) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  *rest = end;
  return number;
}

std::string Lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

CLI::Option* AddShare(CLI::App& app, const std::string& flag, double* share, const std::string& what) {
  return app
      .add_option_function<std::string>(
          flag,
          [flag, share](const std::string& text) {
            const auto parsed = ParseShare(text);
            if (!parsed) throw CLI::ValidationError(flag, "'" + text + "' is no share: write 5% or 0.05");
            *share = *parsed;
          },
          what)
      ->type_name("SHARE")
      ->expected(0, 1)
      ->group("For tests");
}

struct Arguments : ReplicaOptions {
  cli::DefinitionArguments arguments;
};

// What --table and --where say; nothing: neither was given.
absl::StatusOr<std::optional<std::string>> NarrowingOf(const cli::DefinitionArguments& arguments) {
  if (arguments.tables.empty() && arguments.filters.empty()) return std::optional<std::string>();
  if (arguments.tables == std::vector<std::string>{"*"} && arguments.filters.empty())
    return std::optional<std::string>("");
  ASSIGN_OR_RETURN(const v1::Definition definition, cli::ParseDefinition(arguments));
  return std::optional<std::string>(definition.SerializeAsString());
}

// Which of what comes is taken, when, and how fast.
void AddIntakeOptions(CLI::App& app, Arguments* options) {
  app.add_option_function<std::string>(
         "--memory", [options](const std::string& who) { options->server_remembers = who == "server"; },
         "Who remembers what the replica has: client (the default; its position stands beside its rows) or server (the "
         "newest position that the replica acknowledged). Changing it costs no snapshot")
      ->type_name("WHO")
      ->check(CLI::IsMember({"client", "server"}))
      ->envname("REPLICAST_MEMORY");
  app.add_option_function<std::string>(
         "--until",
         [options](const std::string& text) {
           options->until = ParseUntil(text);
           if (!options->until)
             throw CLI::ValidationError("--until", "'" + text + "' is no position: write LSN or HISTORY/LSN");
         },
         "Go up to this position and end: at the newest boundary that is not after it")
      ->type_name("POSITION");
  app.add_option_function<std::vector<std::string>>(
         "--schedule",
         [options](const std::vector<std::string>& windows) {
           options->schedule.emplace();
           for (const std::string& window : windows) {
             if (window == "always" && windows.size() == 1) return;
             if (!ParseWindow(window))
               throw CLI::ValidationError("--schedule", "'" + window + "' is no part of a day: write 22:00-06:00");
             options->schedule->push_back(window);
           }
         },
         "Take what comes only between these times of the day (local time); again for several; always for all day. "
         "What "
         "is skipped follows then")
      ->type_name("HH:MM-HH:MM")
      ->allow_extra_args(false)
      ->envname("REPLICAST_SCHEDULE");
  app.add_option_function<std::string>(
         "--rate-cap",
         [options](const std::string& text) {
           const auto parsed = text == "none" ? std::optional<uint64_t>(0) : ParseByteRate(text);
           if (!parsed) throw CLI::ValidationError("--rate-cap", "'" + text + "' is no rate: write 500kB (a second)");
           options->rate_cap_bytes_per_second = *parsed;
         },
         "Take no more than this, in bytes a second, whatever the stream's rate: where that is higher, by unicast, "
         "later. (--max-rate slows down the stream, for all.) none takes it back")
      ->type_name("RATE")
      ->envname("REPLICAST_RATE_CAP");
}

void AddOptions(CLI::App& app, Arguments* options) {
  app.add_option("--join", options->join,
                 "Join token; - reads it from standard input, @FILE from a file (both keep it out of the process list)")
      ->type_name("TOKEN")
      ->envname("REPLICAST_JOIN");
  app.add_option_function<std::vector<std::string>>(
         "--dataset", [options](const std::vector<std::string>& names) { options->dataset = NameOfParts(names); },
         "The dataset to replicate; again for several in one file; needed with the first --join")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->envname("REPLICAST_DATASET");
  app.add_option("--table", options->arguments.tables,
                 "Only this much of the dataset: TABLE, or TABLE:column,column…; again for several; * for all of it")
      ->type_name("TABLE")
      ->allow_extra_args(false);
  app.add_option_function<std::vector<std::string>>(
         "--tables",
         [options](const std::vector<std::string>& names) {
           options->arguments.tables.insert(options->arguments.tables.end(), names.begin(), names.end());
         },
         "Only these tables of the dataset, all of their columns: a short way of saying --table several times")
      ->type_name("TABLE,TABLE…")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--where", options->arguments.filters,
                 "TABLE=EXPRESSION: of a --table, only rows for which the SQL expression over its columns is true")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  app.add_option("--database", options->database, "The replica database, a SQLite file; made when missing")
      ->type_name("FILE")
      ->envname("REPLICAST_DATABASE")
      ->required();
  app.add_option("--server", options->servers,
                 "host:port of a server (the master's, or a relay) to follow; again for others that are asked when it "
                 "does not serve; without it, those that the token names")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->delimiter(',')
      ->envname("REPLICAST_SERVER");
  app.add_option("--interface", options->interface,
                 "Network interface that the multicast comes in by; without it, the one that leads to the server")
      ->type_name("NAME")
      ->envname("REPLICAST_INTERFACE");
  app.add_option(
         "--transport", options->transport,
         "auto: by multicast while that arrives, else by unicast (as without it); multicast, unicast: only by that")
      ->type_name("WAY")
      ->check(CLI::IsMember({"auto", "multicast", "unicast"}))
      ->envname("REPLICAST_TRANSPORT");
  app.add_option_function<std::string>(
         "--max-rate",
         [options](const std::string& text) {
           const auto parsed = ParseByteRate(text);
           if (!parsed)
             throw CLI::ValidationError("--max-rate", "'" + text + "' is no rate: write 10MB or 500kB (a second)");
           options->max_rate_bytes_per_second = *parsed;
         },
         "What link and disk take, in bytes a second, e.g. 10MB; without it, no limit of this replica's")
      ->type_name("RATE")
      ->envname("REPLICAST_MAX_RATE");
  AddIntakeOptions(app, options);
  app.add_option_function<std::string>(
         "--max-row-bytes",
         [options](const std::string& text) {
           const auto parsed = ParseByteRate(text);
           if (!parsed || *parsed < limits::kMaxWholeRowBytes || *parsed > limits::kMostMaxRowBytes)
             throw CLI::ValidationError("--max-row-bytes", "'" + text + "' is no size from 256KiB to 1GB");
           options->max_row_bytes = *parsed;
         },
         "How long a row may be, e.g. 1GB; memory for about three of them is needed. Without it 256MiB, as the server "
         "has it")
      ->type_name("SIZE")
      ->envname("REPLICAST_MAX_ROW_BYTES");
  app.add_flag("--verbose", options->verbose, "Say more on stderr")->envname("REPLICAST_VERBOSE");
  AddShare(app, "--simulate-loss", &options->faults.drop, "Lose this share of the datagrams that arrive")
      ->envname("REPLICAST_SIMULATE_LOSS");
  AddShare(app, "--simulate-duplicate", &options->faults.duplicate, "Take this share twice (5% when no share is given)")
      ->envname("REPLICAST_SIMULATE_DUPLICATE");
  AddShare(app, "--simulate-reorder", &options->faults.reorder,
           "Take this share some places later (5% when no share is given)")
      ->envname("REPLICAST_SIMULATE_REORDER");
  app.add_option("--simulate-seed", options->faults.seed, "Seed of what is lost, doubled and delayed")
      ->type_name("NUMBER")
      ->group("For tests")
      ->envname("REPLICAST_SIMULATE_SEED");
}

}  // namespace

std::optional<double> ParseShare(const std::string& text) {
  // A flag without a value.
  if (text.empty()) return 0.05;
  std::string rest;
  const auto number = LeadingNumber(text, &rest);
  if (!number || (rest != "%" && !rest.empty())) return std::nullopt;
  const double share = rest == "%" ? *number / 100 : *number;
  if (!(share >= 0 && share < 1)) return std::nullopt;
  return share;
}

std::optional<uint64_t> ParseByteRate(const std::string& text) {
  std::string unit;
  const auto number = LeadingNumber(text, &unit);
  if (!number) return std::nullopt;
  unit = Lowered(unit);
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
  if (unit.ends_with("/s")) unit.resize(unit.size() - 2);
  if (unit.ends_with("b")) unit.pop_back();
  const double base = unit.ends_with("i") ? 1024 : 1000;
  if (unit.ends_with("i")) unit.pop_back();
  double factor = 1;
  if (unit == "k")
    factor = base;
  else if (unit == "m")
    factor = base * base;
  else if (unit == "g")
    factor = base * base * base;
  else if (!unit.empty())
    return std::nullopt;
  const double rate = *number * factor;
  if (!(rate >= 1 && rate < 1e15)) return std::nullopt;
  return static_cast<uint64_t>(rate);
}

std::optional<ReplicaOptions> ParseReplicaOptions(int argc, const char* const* argv, int* exit_code) {
  CLI::App app("Keeps a SQLite file equal to a dataset of a Replicast server.", "replicast-replica");
  app.footer(kExamples);
  Arguments options;
  AddOptions(app, &options);
  try {
    app.parse(argc, argv);
    absl::StatusOr<std::optional<std::string>> narrowing = NarrowingOf(options.arguments);
    if (!narrowing.ok()) throw CLI::ValidationError(std::string(narrowing.status().message()));
    options.narrowing = *std::move(narrowing);
    for (const std::string& server : options.servers) {
      if (const auto address = net::ParseHostPort(server); !address.ok())
        throw CLI::ValidationError("--server", std::string(address.status().message()));
    }
    return options;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      *exit_code = app.exit(error);
    } else {
      std::cerr << "replicast-replica: " << error.what() << "; see replicast-replica --help\n";
      *exit_code = 2;
    }
    return std::nullopt;
  }
}

}  // namespace replicast
