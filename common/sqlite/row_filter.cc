#include "common/sqlite/row_filter.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "common/base/errors.h"
#include "common/base/limits.h"
#include "common/base/ordered_key.h"
#include "common/sqlite/declared_type.h"
#include "common/sqlite/filter_text.h"

namespace replicast::sqlite {
namespace {

constexpr std::string_view kTable = "_replicast_row";
constexpr int kStepsPerCheck = 1000;

// The functions whose answer depends on their arguments alone, on every machine and at any time. Date and time
// functions are not among them: 'now' and 'localtime' hide in their arguments; nor printf() and format(), which with
// '%.*c' run for as long as a number says, whatever bounds their result.
constexpr auto kFunctions = std::to_array<std::string_view>({
    "->",           "->>",       "abs",        "ceil",     "ceiling",   "char",       "coalesce",   "floor",
    "glob",         "hex",       "ifnull",     "iif",      "instr",     "json",       "json_array", "json_array_length",
    "json_extract", "json_type", "json_valid", "length",   "like",      "likelihood", "likely",     "lower",
    "ltrim",        "max",       "min",        "mod",      "nullif",    "quote",      "replace",    "round",
    "rtrim",        "sign",      "sqrt",       "substr",   "substring", "trim",       "trunc",      "typeof",
    "unicode",      "unlikely",  "upper",      "zeroblob",
});

absl::Status Refuse(std::string_view why) { return Error(absl::StatusCode::kInvalidArgument, "FILTER_INVALID", why); }

size_t SizeOf(const Value& value) {
  if (const auto* text = std::get_if<Text>(&value)) return text->bytes.size();
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes.size();
  return 0;
}

std::string CollationOf(const FilterColumn& column) { return column.collation.empty() ? "BINARY" : column.collation; }

std::string TableSql(const std::vector<FilterColumn>& columns) {
  std::string sql;
  for (const FilterColumn& column : columns) {
    // SQLite's authorizer calls a row's number ROWID; no column may look like it.
    const bool like_rowid = absl::EqualsIgnoreCase(column.name, "rowid");
    absl::StrAppend(&sql, sql.empty() ? "" : ", ", QuoteIdentifier(like_rowid ? "rowid" : column.name), " ",
                    NameOf(AffinityOf(column.type)), " COLLATE ", QuoteIdentifier(CollationOf(column)));
  }
  return absl::StrCat("CREATE TABLE ", std::string(kTable), "(", sql, ")");
}

// The application's own collations are known while the table is made, and not any more when filters are compiled: so
// SQLite itself refuses those for which one matters.
absl::Status CreateTable(Database& database, const std::vector<FilterColumn>& columns) {
  const auto unused = [](void*, int, const void*, int, const void*) { return 0; };
  const auto set = [&](const FilterColumn& column, int (*compare)(void*, int, const void*, int, const void*)) {
    if (CollationFromName(CollationOf(column))) return SQLITE_OK;
    return sqlite3_create_collation(database.handle(), column.collation.c_str(), SQLITE_UTF8, nullptr, compare);
  };
  for (const FilterColumn& column : columns) REPLICAST_CHECK(set(column, unused) == SQLITE_OK);
  RETURN_IF_ERROR(database.Execute(TableSql(columns)));
  for (const FilterColumn& column : columns) REPLICAST_CHECK(set(column, nullptr) == SQLITE_OK);
  return absl::OkStatus();
}

void SetLimits(sqlite3* handle) {
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::kMaxFilterValueBytes));
  sqlite3_limit(handle, SQLITE_LIMIT_EXPR_DEPTH, limits::kMaxFilterDepth);
  sqlite3_limit(handle, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits::kMaxFilterPatternBytes);
  sqlite3_limit(handle, SQLITE_LIMIT_COMPOUND_SELECT, 1);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(handle, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
  sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0);
}

// Decides, while a filter is compiled, what it may touch, and notes the columns that it reads.
class Authorizer {
 public:
  Authorizer(sqlite3* handle, const absl::flat_hash_map<std::string, size_t>& columns)
      : handle_(handle), columns_(columns), read_(columns.size(), false) {
    sqlite3_set_authorizer(handle_, &Authorizer::Decide, this);
  }
  ~Authorizer() { sqlite3_set_authorizer(handle_, nullptr, nullptr); }
  Authorizer(const Authorizer&) = delete;
  Authorizer& operator=(const Authorizer&) = delete;

  const std::string& refused() const { return refused_; }
  const std::vector<bool>& read() const { return read_; }

 private:
  static int Decide(void* self, int action, const char* first, const char* second, const char*, const char*) {
    return static_cast<Authorizer*>(self)->Allows(action, first == nullptr ? "" : first,
                                                  second == nullptr ? "" : second)
               ? SQLITE_OK
               : SQLITE_DENY;
  }

  bool Allows(int action, std::string_view first, std::string_view second) {
    switch (action) {
      case SQLITE_SELECT:
        return ++selects_ == 1 || No("it contains a subquery; it may look only at the row itself");
      case SQLITE_FUNCTION:
        return std::find(kFunctions.begin(), kFunctions.end(), absl::AsciiStrToLower({second.data(), second.size()})) !=
                   kFunctions.end() ||
               No(absl::StrCat(
                   "it uses the function ", std::string(second),
                   "(); filters may use only functions whose answer depends on the row alone, such as lower(), "
                   "substr(), coalesce() or json_extract()"));
      case SQLITE_READ:
        return Reads(first, second);
      default:
        return No("it does more than look at the row");
    }
  }

  bool Reads(std::string_view table, std::string_view column) {
    if (table != kTable)
      return No(absl::StrCat("it reads ", std::string(table), "; it may look only at the row itself"));
    if (column.empty()) return true;  // the table is named, no column of it
    const auto found = columns_.find(absl::string_view(column.data(), column.size()));
    if (found == columns_.end()) {
      return No(absl::StrCat("it reads ", std::string(column), ", which is no declared column of the table"));
    }
    read_[found->second] = true;
    return true;
  }

  // The first refusal is the one to tell.
  bool No(std::string why) {
    if (refused_.empty()) refused_ = std::move(why);
    return false;
  }

  sqlite3* handle_;
  const absl::flat_hash_map<std::string, size_t>& columns_;
  std::vector<bool> read_;
  int selects_ = 0;
  std::string refused_;
};

}  // namespace

struct RowFilters::State {
  std::unique_ptr<Database> database;
  absl::flat_hash_map<std::string, size_t> columns;
  std::vector<std::string> names;
  std::vector<bool> read;  // by any filter: only these columns are loaded
  std::vector<Statement> filters;
  std::optional<Statement> load;  // made anew after a filter was added
  bool loaded = false;
  int64_t steps = 0;
  uint64_t errors = 0;

  static int Progress(void* self) {
    auto* state = static_cast<State*>(self);
    state->steps += kStepsPerCheck;
    return state->steps > limits::kMaxFilterSteps ? 1 : 0;
  }

  // Nothing is set by a statement where no filter reads a column.
  absl::Status PrepareLoad() {
    std::string sql;
    for (size_t i = 0; i < names.size(); ++i) {
      if (read[i]) absl::StrAppend(&sql, sql.empty() ? "" : ", ", QuoteIdentifier(names[i]), " = ?");
    }
    sql = sql.empty() ? "SELECT 1" : absl::StrCat("UPDATE ", std::string(kTable), " SET ", sql);
    ASSIGN_OR_RETURN(load, database->Prepare(sql));
    return absl::OkStatus();
  }
};

RowFilters::RowFilters(std::unique_ptr<State> state) : state_(std::move(state)) {}

RowFilters::~RowFilters() = default;

absl::StatusOr<std::unique_ptr<RowFilters>> RowFilters::Create(const std::vector<FilterColumn>& columns,
                                                               TextEncoding encoding) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->database, Database::Open(":memory:", {.create = true, .encoding = encoding}));
  sqlite3* handle = state->database->handle();
  // Text in double quotes that names no column is a mistake, not a string.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  RETURN_IF_ERROR(state->database->Execute("PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY"));
  RETURN_IF_ERROR(CreateTable(*state->database, columns));
  RETURN_IF_ERROR(state->database->Execute(absl::StrCat("INSERT INTO ", std::string(kTable), " DEFAULT VALUES")));
  for (const FilterColumn& column : columns) {
    const std::string name = absl::EqualsIgnoreCase(column.name, "rowid") ? "rowid" : column.name;
    state->columns.emplace(name, state->names.size());
    state->names.push_back(name);
  }
  state->read.resize(columns.size(), false);
  SetLimits(handle);
  sqlite3_progress_handler(handle, kStepsPerCheck, &State::Progress, state.get());
  // One transaction without end: a row costs no commit.
  RETURN_IF_ERROR(state->database->Execute("BEGIN"));
  return std::unique_ptr<RowFilters>(new RowFilters(std::move(state)));
}

absl::StatusOr<int> RowFilters::Add(const std::string& expression) {
  RETURN_IF_ERROR(CheckFilterText(expression));
  Authorizer authorizer(state_->database->handle(), state_->columns);
  state_->steps = 0;
  // As a condition, so that aggregates, window functions and lists of values are refused.
  const std::string sql = absl::StrCat("SELECT 1 FROM ", std::string(kTable), " WHERE (", expression, "\n)");
  auto filter = state_->database->Prepare(sql);
  if (!authorizer.refused().empty()) {
    return Refuse(absl::StrCat("the filter ", expression, " is refused: ", authorizer.refused()));
  }
  if (!filter.ok()) {
    return Refuse(absl::StrCat("the filter ", expression,
                               " does not compile: ", sqlite3_errmsg(state_->database->handle()),
                               "; it must be one expression over the table's columns, as after WHERE"));
  }
  REPLICAST_CHECK(sqlite3_stmt_readonly(filter->handle()) != 0);
  REPLICAST_CHECK(sqlite3_bind_parameter_count(filter->handle()) == 0);
  for (size_t i = 0; i < state_->read.size(); ++i) state_->read[i] = state_->read[i] || authorizer.read()[i];
  state_->load.reset();
  state_->loaded = false;
  state_->filters.push_back(*std::move(filter));
  return static_cast<int>(state_->filters.size()) - 1;
}

void RowFilters::Load(const Row& row) {
  State& state = *state_;
  REPLICAST_CHECK(row.size() == state.names.size());
  state.loaded = false;
  state.steps = 0;
  if (!state.load && !state.PrepareLoad().ok()) return;
  size_t bytes = 0;
  for (size_t i = 0; i < row.size(); ++i) bytes += state.read[i] ? SizeOf(row[i]) : 0;
  // Over the bound nothing is loaded, and every filter counts an error.
  if (bytes > limits::kMaxFilterValueBytes / 2) return;
  // A hundred values of a filter may live at once, so each is bounded by what the row itself justifies.
  sqlite3_limit(state.database->handle(), SQLITE_LIMIT_LENGTH,
                static_cast<int>(std::max(limits::kMaxFilterMadeBytes, 2 * bytes)));
  int parameter = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (state.read[i]) state.load->Bind(++parameter, row[i]);
  }
  state.loaded = state.load->Run().ok();
}

bool RowFilters::Matches(int filter) {
  State& state = *state_;
  REPLICAST_CHECK(filter >= 0 && static_cast<size_t>(filter) < state.filters.size());
  if (!state.loaded) {
    ++state.errors;
    return false;
  }
  Statement& statement = state.filters[static_cast<size_t>(filter)];
  state.steps = 0;
  const absl::StatusOr<bool> matches = statement.Step();
  statement.Reset();
  if (matches.ok()) return *matches;
  ++state.errors;
  return false;
}

uint64_t RowFilters::errors() const { return state_->errors; }

}  // namespace replicast::sqlite
