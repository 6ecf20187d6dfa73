#include "integration_tests/equivalence/world.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "integration_tests/equivalence/application.h"
#include "integration_tests/equivalence/database_comparer.h"
#include "integration_tests/equivalence/follower.h"
#include "integration_tests/equivalence/master.h"
#include "integration_tests/equivalence/schema_comparer.h"
#include "integration_tests/equivalence/server.h"
#include "integration_tests/equivalence/sqldiff.h"
#include "integration_tests/equivalence/table_facts.h"

namespace replicast::equivalence {
namespace {

class World {
 public:
  World(const Script& script, const PlayOptions& options, Tally& tally)
      : script_(script),
        options_(options),
        tally_(tally),
        random_(script.seed + 1),
        server_(temporary_.path(), master_.path(), script, clock_, random_,
                [this](const DefinitionHash& stream, const wire::EncodedPart& part) { Tell(stream, part); }) {
    SeedSqlite(script.seed);
  }

  std::optional<Failure> Run() {
    if (const absl::Status status = Begin(); !status.ok()) return Failed("beginning", status);
    for (const Step& step : script_.steps) {
      since_.push_back(ToText(step));
      clock_.Advance(absl::Milliseconds(100));
      const absl::Status status = Take(step);
      if (!status.ok() && !WaitsForWriter(step, status)) return Failed("error", status);
    }
    return std::nullopt;
  }

 private:
  absl::Status Begin() {
    RETURN_IF_ERROR(master_.Open(script_.ddl, options_.in_part));
    ASSIGN_OR_RETURN(plain_, OpenReader(master_.path()));
    ASSIGN_OR_RETURN(knowing_, OpenKnowingReader(master_.path()));
    RETURN_IF_ERROR(server_.Start());
    ASSIGN_OR_RETURN(const std::vector<std::string> tables, TablesOf(*plain_));
    for (const std::string& table : tables) {
      ASSIGN_OR_RETURN(const TableFacts facts, ReadFacts(*plain_, table));
      const absl::StatusOr<Relation> relation = server_.source().Describe(table);
      if (relation.ok() == facts.refusal.empty()) continue;
      return absl::InternalError(absl::StrCat("table ", table, " should be refused (", facts.refusal,
                                              ") and the server says: ", relation.status().ToString()));
    }
    return absl::OkStatus();
  }

  std::optional<Failure> Failed(const std::string& what, const absl::Status& status) {
    Failure failure;
    failure.what = absl::StrCat(what, ": ", FailureName(status));
    failure.message = std::string(status.message());
    failure.text = absl::StrCat("seed ", script_.seed, "\n", absl::StrJoin(script_.ddl, ";\n"), ";\n\n",
                                absl::StrJoin(since_, "\n"), "\n\n", failure.message, "\n");
    return failure;
  }

  // The server wants to write its hooks while an application is in a transaction: in one thread it can't wait.
  bool WaitsForWriter(const Step& step, const absl::Status& status) {
    if (step.kind == Step::Kind::kSql || !master_.InTransaction()) return false;
    if (!absl::StrContains(status.message(), "database is locked")) return false;
    tally_.Count("server: waits for a writer");
    return true;
  }

  absl::Status Take(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kSql:
        return Sql(step.who, step.text);
      case Step::Kind::kDrain:
        return server_.Drain();
      case Step::Kind::kBuild:
        return server_.publisher().BuildStep().status();
      case Step::Kind::kRestart:
        server_.Stop();
        return server_.Start();
      case Step::Kind::kCreate:
        return Create(step);
      case Step::Kind::kCompare:
        return Compare();
      default:
        break;
    }
    const auto number = static_cast<size_t>(step.who);
    if (number >= followers_.size() || followers_[number] == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const StreamInfo info, server_.publisher().Dataset(followers_[number]->dataset()));
    if (info.state == StreamInfo::State::kStopped) return absl::OkStatus();
    return Move(step.kind, *followers_[number]);
  }

  static absl::Status Move(Step::Kind kind, Follower& follower) {
    switch (kind) {
      case Step::Kind::kListen:
        return follower.Listen();
      case Step::Kind::kForget:
        follower.Forget();
        return absl::OkStatus();
      case Step::Kind::kCatchUp:
        return follower.CatchUp();
      case Step::Kind::kChunk:
        return follower.Chunk();
      default:
        return follower.Open();
    }
  }

  absl::Status Sql(int number, const std::string& text) {
    const absl::Status status = master_.Run(number, text);
    tally_.Count("statements");
    if (script_.changes_schema) RETURN_IF_ERROR(NoteMeaningless());
    if (status.ok()) return status;
    since_.back() += "  -- " + std::string(status.message());
    tally_.Count("failed: " + FailureName(status));
    const bool may_name_nothing = options_.in_part || (script_.changes_schema && absl::IsInvalidArgument(status));
    return may_name_nothing || MayFail(status) ? absl::OkStatus() : status;
  }

  absl::Status Create(const Step& step) {
    v1::Definition definition = step.definition;
    if (options_.in_part) KeepSound(&definition, false);
    if (definition.tables().empty()) return absl::OkStatus();
    RETURN_IF_ERROR(server_.Drain());
    absl::Status created = server_.publisher().CreateDataset(step.text, definition);
    ASSIGN_OR_RETURN(const std::string reason, WhyMeaningless(*plain_, definition));
    // SQLite asks for the collation of what is compared with the alias of the rowid, which has none; but an integer equals
    // no text in any, and where a filter is evaluated that column is an ordinary one.
    const bool needless = created.ok() && reason.find("no such collation sequence") != std::string::npos;
    if (created.ok() != reason.empty() && !needless && !options_.in_part)
      return absl::InternalError(absl::StrCat("a dataset's creation: ", created.ToString(), ", where ", reason));
    if (!created.ok()) {
      tally_.Count("dataset: refused");
      KeepSound(&definition, true);
      if (definition.tables().empty()) return absl::OkStatus();
      RETURN_IF_ERROR(server_.publisher().CreateDataset(step.text, definition));
    }
    const auto number = static_cast<size_t>(step.who);
    if (followers_.size() <= number) followers_.resize(number + 1);
    followers_[number] = std::make_unique<Follower>(absl::StrCat(temporary_.path(), "/replica", number, ".db"),
                                                    step.text, script_.misses_hooks, server_, clock_, random_);
    return followers_[number]->Open();
  }

  // The tables that are there, or even mean something.
  void KeepSound(v1::Definition* definition, bool meaningful) {
    v1::Definition sound;
    for (const v1::TableDefinition& table : definition->tables()) {
      v1::Definition alone;
      *alone.add_tables() = table;
      const absl::StatusOr<std::string> reason = WhyMeaningless(*plain_, alone);
      if (meaningful ? reason.ok() && reason->empty() : ReadFacts(*plain_, table.name()).ok())
        *sound.add_tables() = table;
    }
    *definition = sound;
  }

  void Tell(const DefinitionHash& stream, const wire::EncodedPart& part) {
    for (const auto& follower : followers_) {
      if (follower != nullptr && follower->stream() == stream) follower->Hear(part);
    }
  }

  absl::Status Compare() {
    RETURN_IF_ERROR(server_.Drain());
    RETURN_IF_ERROR(server_.Build());
    if (script_.misses_hooks) RETURN_IF_ERROR(server_.Scrub());
    for (auto& follower : followers_) {
      if (follower == nullptr) continue;
      ASSIGN_OR_RETURN(const bool stopped, IsStopped(*follower));
      if (stopped) {
        follower.reset();
        continue;
      }
      RETURN_IF_ERROR(follower->Reach());
      RETURN_IF_ERROR(CompareWith(*follower));
    }
    since_.clear();
    return absl::OkStatus();
  }

  // What was meaningless for a moment may have been stopped then.
  absl::Status NoteMeaningless() {
    for (const auto& follower : followers_) {
      if (follower == nullptr) continue;
      ASSIGN_OR_RETURN(const std::string reason, WhyMeaningless(*plain_, follower->definition()));
      if (!reason.empty()) ever_meaningless_.insert(follower->dataset());
    }
    return absl::OkStatus();
  }

  // A dataset ends when its definition means nothing any more, and only then.
  absl::StatusOr<bool> IsStopped(const Follower& follower) {
    ASSIGN_OR_RETURN(const StreamInfo info, server_.publisher().Dataset(follower.dataset()));
    if (info.state != StreamInfo::State::kStopped) return false;
    if (!ever_meaningless_.contains(follower.dataset()))
      return absl::InternalError(
          absl::StrCat("a dataset was stopped without need: ", follower.dataset(), ", ", info.reason));
    tally_.Count("dataset: stopped");
    return true;
  }

  absl::Status CompareWith(const Follower& follower) {
    ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> replica,
                     sqlite::Database::Open(follower.path(), {.read_only = true, .quoted_strings = false}));
    uint64_t rows = 0;
    std::string difference;
    for (const v1::TableDefinition& table : follower.definition().tables()) {
      ASSIGN_OR_RETURN(const std::string of_schema, CompareSchema(*plain_, *replica, table));
      ASSIGN_OR_RETURN(const std::string of_rows, CompareRows(*knowing_, *replica, table, &rows));
      difference += of_schema + of_rows;
    }
    tally_.Count("rows compared", rows);
    tally_.Count("snapshots since a schema could not be taken over", follower.schema_snapshots());
    if (options_.sqldiff && difference.empty()) {
      ASSIGN_OR_RETURN(difference, AskSqldiff(follower));
    }
    if (difference.empty()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("a replica differs: ", follower.dataset(), "\n", difference));
  }

  // It is slow, so only about whole tables.
  absl::StatusOr<std::string> AskSqldiff(const Follower& follower) {
    std::string difference;
    for (const v1::TableDefinition& table : follower.definition().tables()) {
      ASSIGN_OR_RETURN(const TableFacts facts, ReadFacts(*plain_, table.name()));
      const bool whole = table.filter().empty() && table.columns_size() == 1 && table.columns(0) == "*";
      if (!whole || !SuitsSqldiff(facts)) continue;
      ASSIGN_OR_RETURN(const std::string told, RunSqldiff(master_.path(), follower.path(), facts));
      if (!told.empty()) absl::StrAppend(&difference, "sqldiff tells of table ", facts.name, ":\n", told);
      tally_.Count("tables compared by sqldiff");
    }
    return difference;
  }

  const Script& script_;
  const PlayOptions& options_;
  Tally& tally_;
  const TemporaryFolder temporary_;
  ManualClock clock_;
  SeededRandom random_;
  Master master_{temporary_.path() + "/master.db"};
  std::unique_ptr<sqlite::Database> plain_, knowing_;
  Server server_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::set<std::string> ever_meaningless_;  // datasets
  std::vector<std::string> since_;          // the last good comparison
};

}  // namespace

std::optional<Failure> Play(const Script& script, const PlayOptions& options, Tally& tally) {
  return World(script, options, tally).Run();
}

}  // namespace replicast::equivalence
