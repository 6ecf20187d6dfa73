#include "integration_tests/equivalence/expressions.h"

#include "integration_tests/equivalence/names.h"

namespace replicast::equivalence {

// A word alone could be taken for a constant: true, NULL.
std::string Expressions::Reference(int column) { return Quoted(dice_, table_.column(column).name); }

std::string Expressions::Value(const std::vector<int>& columns, int depth) {
  const std::string x = Name(dice_.OneOf(columns));
  if (depth <= 0) return x;
  const auto other = [&] { return dice_.Chance(0.5) ? Name(dice_.OneOf(columns)) : values_.Constant(); };
  switch (dice_.Below(20)) {
    case 0:
      return "lower(" + x + ")";
    case 1:
      return "length(" + x + ")";
    case 2:
      return "(" + x + " || " + other() + ")";
    case 3:
      return "(" + x + " + " + other() + ")";
    case 4:
      return "(" + x + " % " + dice_.OneOf({"2", "3", "4"}) + ")";
    case 5:
      return "substr(" + x + ",1,2)";
    case 6:
      return "coalesce(" + x + "," + other() + ",0)";
    case 7:
      return "typeof(" + x + ")";
    case 8:
      return "hex(" + x + ")";
    case 9:
      return "iif(" + Condition(columns, depth - 1) + "," + x + "," + other() + ")";
    case 10:
      return "CASE " + x + " WHEN " + values_.Constant() + " THEN " + other() + " ELSE " + other() + " END";
    case 11:
      return "CAST(" + x + " AS " + dice_.OneOf({"TEXT", "INTEGER", "REAL", "BLOB", "NUMERIC"}) + ")";
    case 12:
      return dice_.OneOf({"max", "min"}) + "(" + x + "," + other() + ")";
    case 13:
      return "(" + x + dice_.OneOf({" * ", " - ", " & ", " | ", " / ", " >> "}) + other() + ")";
    case 14:
      return "nullif(" + x + "," + other() + ")";
    case 15:
      return dice_.OneOf({"trim", "rtrim", "upper", "quote", "unicode", "round", "sign"}) + "(" + x + ")";
    case 16:
      return "(" + Condition(columns, depth - 1) + ")";
    case 17:
      return "instr(" + x + ",'b')";
    case 18:
      return "replace(" + x + ",'a','bb')";
    default:
      return "(" + dice_.OneOf({"-", "+", "~", "NOT "}) + x + ")";
  }
}

std::string Expressions::Comparison(const std::vector<int>& columns, int depth) {
  const std::string x = dice_.Chance(0.7) ? Name(dice_.OneOf(columns)) : Value(columns, depth);
  switch (dice_.Below(12)) {
    case 0:
      return x + " IS NULL";
    case 1:
      return x + " IS NOT NULL";
    case 2:
      return x + dice_.OneOf({" LIKE ", " NOT LIKE ", " GLOB "}) +
             dice_.OneOf({"'a%'", "'%b%'", "'A_'", "'[a-c]*'", "'1%'"});
    case 3:
      return x + dice_.OneOf({" IN (", " NOT IN ("}) + values_.Constant() + ", " + values_.Constant() + ", 3)";
    case 4:
      return x + " BETWEEN " + values_.Constant() + " AND " + values_.Constant();
    case 5:
      return x + dice_.OneOf({" IS ", " IS NOT "}) + Name(dice_.OneOf(columns));
    case 6:
      return x + " COLLATE " + dice_.OneOf({"NOCASE", "RTRIM", "BINARY", "nocase"}) +
             dice_.OneOf({" = ", " < ", " <> "}) + values_.Constant();
    default:
      return x + dice_.OneOf({" = ", " <> ", " < ", " >= ", " > ", " == ", " IS ", " IS NOT "}) +
             (dice_.Chance(0.2) ? Name(dice_.OneOf(columns)) : values_.Constant());
  }
}

std::string Expressions::Condition(const std::vector<int>& columns, int depth) {
  if (depth <= 0 || dice_.Chance(0.6)) return Comparison(columns, depth - 1);
  const std::string left = Condition(columns, depth - 1), right = Condition(columns, depth - 1);
  switch (dice_.Below(4)) {
    case 0:
      return "NOT (" + left + ")";
    case 1:
      return "(" + left + " AND " + right + ")";
    default:
      return "(" + left + " OR " + right + ")";
  }
}

}  // namespace replicast::equivalence
