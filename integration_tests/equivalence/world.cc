#include "integration_tests/equivalence/world.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/errors.h"
#include "common/base/temporary_folder.h"
#include "integration_tests/equivalence/application.h"
#include "integration_tests/equivalence/database_comparer.h"
#include "integration_tests/equivalence/follower.h"
#include "integration_tests/equivalence/schema_comparer.h"
#include "integration_tests/equivalence/server.h"
#include "integration_tests/equivalence/table_facts.h"

namespace replicast::equivalence {
namespace {

// A master and the connections that write to it.
class Master {
 public:
  Master(std::string folder, std::string name) : folder_(std::move(folder)), path_(folder_ + "/" + name + ".db") {}

  const std::string& path() const { return path_; }
  Application& writer(int number) { return *writers_[static_cast<size_t>(number)]; }

  absl::Status Open(const std::vector<std::string>& ddl, bool in_part) {
    ASSIGN_OR_RETURN(writers_[0], Application::Open(path_));
    for (const std::string& statement : ddl) {
      const absl::Status status = writers_[0]->Run(statement);
      if (!status.ok() && !in_part)
        return absl::InvalidArgumentError(absl::StrCat(statement, ": ", status.message()));
    }
    for (size_t i = 1; i < writers_.size(); ++i) RETURN_IF_ERROR(OpenWriter(i));
    return absl::OkStatus();
  }

 private:
  absl::Status OpenWriter(size_t number) {
    if (static_cast<int>(number) < kAttaching) {
      ASSIGN_OR_RETURN(writers_[number], Application::Open(path_));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(writers_[number], Application::Open(path_ + "-own"));
    RETURN_IF_ERROR(writers_[number]->Run("CREATE TABLE own(n)"));
    RETURN_IF_ERROR(writers_[number]->Run("ATTACH " + sqlite::QuoteText(path_) + " AS m"));
    return writers_[number]->Run("PRAGMA m.synchronous=OFF");
  }

  const std::string folder_, path_;
  std::array<std::unique_ptr<Application>, kWriters> writers_;
};

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
    if (absl::Status status = Begin(); !status.ok()) return Failed("beginning", status);
    for (const Step& step : script_.steps) {
      since_.push_back(ToText(step));
      clock_.Advance(absl::Milliseconds(100));
      const absl::Status status = Take(step);
      if (!status.ok()) return Failed("error", status);
    }
    return std::nullopt;
  }

 private:
  absl::Status Begin() {
    RETURN_IF_ERROR(master_.Open(script_.ddl, options_.in_part));
    ASSIGN_OR_RETURN(plain_, Application::Open(master_.path()));
    RETURN_IF_ERROR(server_.Start());
    ASSIGN_OR_RETURN(const std::vector<std::string> tables, TablesOf(plain_->database()));
    for (const std::string& table : tables) {
      ASSIGN_OR_RETURN(const TableFacts facts, ReadFacts(plain_->database(), table));
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
    Application& writer = master_.writer(number);
    const absl::Status status = writer.Run(text);
    tally_.Count("statements");
    if (status.ok()) return status;
    since_.back() += "  -- " + std::string(status.message());
    tally_.Count("failed: " + FailureName(status));
    if (!options_.in_part && !MayFail(status)) return status;
    // An application whose COMMIT fails gives up.
    const bool ends = absl::StartsWith(text, "COMMIT") || absl::StartsWith(text, "RELEASE whole");
    if (ends && writer.database().InTransaction()) return writer.Run("ROLLBACK");
    return absl::OkStatus();
  }

  absl::Status Create(const Step& step) {
    v1::Definition definition = step.definition;
    if (options_.in_part) KeepKnown(&definition);
    if (definition.tables().empty()) return absl::OkStatus();
    RETURN_IF_ERROR(server_.Drain());
    const absl::Status created = server_.publisher().CreateDataset(step.text, definition);
    if (options_.in_part && !created.ok()) return absl::OkStatus();
    RETURN_IF_ERROR(created);
    const auto number = static_cast<size_t>(step.who);
    if (followers_.size() <= number) followers_.resize(number + 1);
    followers_[number] = std::make_unique<Follower>(absl::StrCat(temporary_.path(), "/replica", number, ".db"),
                                                    step.text, server_, clock_, random_);
    return followers_[number]->Open();
  }

  void KeepKnown(v1::Definition* definition) {
    v1::Definition known;
    for (const v1::TableDefinition& table : definition->tables()) {
      if (ReadFacts(plain_->database(), table.name()).ok()) *known.add_tables() = table;
    }
    *definition = known;
  }

  void Tell(const DefinitionHash& stream, const wire::EncodedPart& part) {
    for (const auto& follower : followers_) {
      if (follower != nullptr && follower->stream() == stream) follower->Hear(part);
    }
  }

  absl::Status Compare() {
    RETURN_IF_ERROR(server_.Drain());
    RETURN_IF_ERROR(server_.Build());
    for (const auto& follower : followers_) {
      if (follower == nullptr) continue;
      RETURN_IF_ERROR(follower->Reach());
      RETURN_IF_ERROR(CompareWith(*follower));
    }
    since_.clear();
    return absl::OkStatus();
  }

  absl::Status CompareWith(const Follower& follower) {
    ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Database> replica,
                     sqlite::Database::Open(follower.path(), {.read_only = true, .quoted_strings = false}));
    uint64_t rows = 0;
    std::string difference;
    for (const v1::TableDefinition& table : follower.definition().tables()) {
      ASSIGN_OR_RETURN(const std::string of_schema, CompareSchema(plain_->database(), *replica, table));
      ASSIGN_OR_RETURN(const std::string of_rows, CompareRows(plain_->database(), *replica, table, &rows));
      difference += of_schema + of_rows;
    }
    tally_.Count("rows compared", rows);
    if (difference.empty()) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("a replica differs: ", follower.dataset(), "\n", difference));
  }

  const Script& script_;
  const PlayOptions& options_;
  Tally& tally_;
  const TemporaryFolder temporary_;
  ManualClock clock_;
  SeededRandom random_;
  Master master_{temporary_.path(), "master"};
  std::unique_ptr<Application> plain_;
  Server server_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::vector<std::string> since_;  // the last good comparison
};

}  // namespace

std::optional<Failure> Play(const Script& script, const PlayOptions& options, Tally& tally) {
  return World(script, options, tally).Run();
}

}  // namespace replicast::equivalence
