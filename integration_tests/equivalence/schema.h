#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_H_

#include <string>
#include <vector>

// What is known of a generated schema to who generates statements, datasets and triggers for it.
namespace replicast::equivalence {

enum class Made { kOrdinary, kStored, kVirtual };

struct Column {
  std::string name;
  std::string type;  // declared, may be empty
  std::string collation = "BINARY";
  bool not_null = false;
  Made made = Made::kOrdinary;
  // Rows that weren't written since it was added read it in another storage class than it will be stored in: what
  // expressions make of it changes by any UPDATE.
  bool unsteady = false;
};

enum class KeyKind { kNone, kRowidAlias, kDeclared };

struct Table {
  std::string name;
  std::vector<Column> columns;
  KeyKind key_kind = KeyKind::kNone;
  std::vector<int> key;              // places, in key order
  bool key_is_plain = true;          // every key column in the index as it is declared: a foreign key may name it
  std::vector<std::string> unique;   // conflict targets of UPSERT: "(a, b) WHERE c"
  std::vector<int> unique_columns;   // that stand alone in a unique index
  std::vector<std::string> indexes;  // names
  bool without_rowid = false, strict = false;
  bool by_rowid = false;     // the rowid identifies its rows, not the key
  bool unsupported = false;  // the product refuses it

  const Column& column(int place) const { return columns[static_cast<size_t>(place)]; }
  // Places of the columns that a statement may write, or of those that it may read.
  std::vector<int> Places(bool written) const {
    std::vector<int> places;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (written ? columns[i].made == Made::kOrdinary : !columns[i].unsteady) places.push_back(static_cast<int>(i));
    }
    return places;
  }
};

// A virtual table; its rows have rowids.
struct SearchTable {
  std::string name;
  bool rtree = false;
  std::vector<std::string> columns;  // of an R*Tree: without the first, `id`
};

struct View {
  std::string name;
  std::vector<Column> columns;
};

struct Schema {
  // Of a UTF-16 database, otherwise empty. It has no expression whose values are stored, in an index or a generated
  // column: of a text or blob with an odd number of bytes SQLite 3.40 makes another value each time, and then finds
  // the index damaged, with or without Replicast.
  std::string utf16;
  std::vector<std::string> ddl;
  std::vector<Table> tables;
  std::vector<View> views;
  std::vector<SearchTable> searches;
  std::vector<std::string> triggers;  // names
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_SCHEMA_H_
