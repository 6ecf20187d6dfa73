// Feeds a row filter's expression, and rows, to RowFilters over a table with columns of every affinity and collation,
// beside a filter that takes every row.
// Oracle: a refusal says why; an answer is the same when asked again, and does not touch the row or the other filter; a
// filter that may be answered by comparing bytes (ParseEqualityFilter) is answered the same by SQLite. Time and memory
// are bounded by -timeout and -rss_limit_mb.
#include <cmath>
#include <optional>

#include "common/base/errors.h"
#include "common/sqlite/row_filter.h"
#include "server/route/equality_filter.h"
#include "tools/fuzzers/fuzz_input.h"

namespace replicast::fuzz {
namespace {

Relation TheRelation() {
  Relation relation;
  relation.name = "t";
  relation.columns = {{"id", "INTEGER", Collation::kBinary}, {"name", "TEXT", Collation::kBinary},
                      {"title", "TEXT", Collation::kNocase}, {"size", "REAL", Collation::kBinary},
                      {"data", "BLOB", Collation::kBinary},  {"any", "", Collation::kRtrim}};
  return relation;
}

std::vector<sqlite::FilterColumn> Columns() {
  constexpr const char* kCollations[] = {"BINARY", "NOCASE", "RTRIM"};
  std::vector<sqlite::FilterColumn> columns;
  for (const RelationColumn& column : TheRelation().columns)
    columns.push_back({column.name, column.type, kCollations[static_cast<size_t>(column.collation)]});
  return columns;
}

// As SQLite would have stored it in a column of this type.
Value ValueIn(FuzzInput& input, const std::string& type) {
  const uint8_t how = input.Byte() % 5;
  if (how == 0) return std::monostate();
  if (how == 3 && type != "INTEGER" && type != "REAL") return Text{input.Bytes()};
  if (how == 4) return Blob{input.Bytes()};
  if (how == 2 && type != "TEXT") {
    const Real real = Real::FromBits(input.Number());
    return std::isnan(real.number) ? Value() : Value(real);
  }
  const auto number = static_cast<int64_t>(input.Number());
  if (type == "TEXT") return Text{std::to_string(number)};
  return type == "REAL" ? Value(Real{static_cast<double>(number)}) : Value(number);
}

Row RowIn(FuzzInput& input) {
  Row row;
  for (const RelationColumn& column : TheRelation().columns) row.push_back(ValueIn(input, column.type));
  return row;
}

void Check(FuzzInput input) {
  const auto filters = sqlite::RowFilters::Create(Columns());
  REPLICAST_CHECK(filters.ok());
  const absl::StatusOr<int> always = (*filters)->Add("1");
  REPLICAST_CHECK(always.ok());
  const std::string expression = input.Bytes();
  const absl::StatusOr<int> filter = (*filters)->Add(expression);
  std::optional<route::EqualityFilter> equality;
  if (filter.ok())
    equality = route::ParseEqualityFilter(TheRelation(), expression);
  else
    REPLICAST_CHECK(ReasonOf(filter.status()) == "FILTER_INVALID");
  for (int rows = 0; rows < 4 && (rows == 0 || !input.empty()); ++rows) {
    const Row row = RowIn(input);
    (*filters)->Load(row);
    REPLICAST_CHECK((*filters)->Matches(*always));
    if (!filter.ok()) continue;
    const bool matches = (*filters)->Matches(*filter);
    REPLICAST_CHECK((*filters)->Matches(*filter) == matches);
    REPLICAST_CHECK((*filters)->Matches(*always));
    if (!equality) continue;
    const Value& value = row.at(static_cast<size_t>(equality->column));
    if (StorageClassOf(value) != StorageClass::kReal) REPLICAST_CHECK(matches == (value == equality->literal));
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  std::vector<std::string> seeds;
  for (const char* text :
       {"id > 5 and name like 'a%'", "name = 'libs'", "id = 42", "title = 'ABC' or any in (1, 'x', null)",
        "coalesce(length(data), 0) between 1 and 10", "json_extract(name, '$.a') is not null",
        "case when size > 1e3 then abs(id) % 2 else printf('%05d', id) end = '00001'", "substr(hex(data), 1, 2) = '00'",
        "replace(name, 'a', 'bb') glob '*b[a-c]?'", "round(size, 2) = 1.25 collate rtrim", "zeroblob(id) = data",
        "instr(upper(title), trim(any, ' x')) + unicode(char(65, 66)) is distinct from typeof(any) || quote(data)",
        "1) or (1", "id = (select 1)", "random() = id", "printf('%.*c', 60000000, 'x') = name"}) {
    seeds.push_back(SeedWriter()
                        .Bytes(text)
                        .Byte(1)
                        .Number(42)
                        .Byte(3)
                        .Bytes("libs")
                        .Byte(3)
                        .Bytes("abc")
                        .Byte(2)
                        .Number(uint64_t{0x40934a} << 40)
                        .Byte(4)
                        .Bytes(std::string("\0\xff", 2))
                        .Byte(3)
                        .Bytes("x ")
                        .Done());
  }
  return seeds;
}

}  // namespace replicast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  replicast::fuzz::Check(replicast::fuzz::FuzzInput(data, size));
  return 0;
}
