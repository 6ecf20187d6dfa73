#include "integration_tests/equivalence/trigger_generator.h"

#include "integration_tests/equivalence/expressions.h"
#include "integration_tests/equivalence/values.h"

namespace replicast::equivalence {
namespace {

// Beyond so many rows a trigger inserts no more.
constexpr const char* kRoom = "30";

}  // namespace

std::string TriggerGenerator::OnTable(const std::string& name, bool temporary, bool after_too) {
  const Table& table = dice_.OneOf(schema_.tables);
  const bool before = dice_.Choose({{"trigger: AFTER", after_too ? 3 : 0}, {"trigger: BEFORE", 2}}) == 1;
  Event event = EventOf(table);
  event.keeps_row = before && event.has_old && event.has_new;
  std::string text = std::string("CREATE ") + (temporary ? "TEMP " : "") + "TRIGGER " + Quoted(dice_, name) +
                     (before ? dice_.OneOf({" BEFORE ", " "}) : " AFTER ") + event.text + " ON " +
                     Quoted(dice_, table.name) + dice_.OneOf({"", " FOR EACH ROW"});
  // Mostly a rare condition: else nearly every statement would do the same.
  Expressions expressions(dice_, table, event.has_new ? "NEW." : "OLD.");
  if (dice_.Chance(0.8)) text += " WHEN " + expressions.Condition(table.Places(false), 1);
  text += " BEGIN " + Body(table, event);
  if (dice_.Chance(0.2)) text += Body(table, event);
  return text + "END";
}

TriggerGenerator::Event TriggerGenerator::EventOf(const Table& table) {
  switch (dice_.Choose(
      {{"trigger: INSERT", 3}, {"trigger: UPDATE", 2}, {"trigger: UPDATE OF", 2}, {"trigger: DELETE", 2}})) {
    case 0:
      return {"INSERT", true, false};
    case 1:
      return {"UPDATE", true, true};
    case 2: {
      std::vector<std::string> names;
      for (const int column : dice_.Some(table.Places(true), 2))
        names.push_back(Quoted(dice_, table.column(column).name));
      return {"UPDATE OF " + Joined(names), true, true};
    }
    default:
      return {"DELETE", false, true};
  }
}

std::string TriggerGenerator::Body(const Table& table, const Event& event) {
  const std::string side = event.has_new && (!event.has_old || dice_.Chance(0.6)) ? "NEW." : "OLD.";
  switch (dice_.Choose({{"trigger: updates the same row", 3},
                        {"trigger: inserts", 3},
                        {"trigger: updates", 2},
                        {"trigger: deletes", 2},
                        {"trigger: RAISE", 2}})) {
    case 0:
      return event.keeps_row ? Raise(event) : UpdateItself(table, side);
    case 1:
      return Insert(table, side);
    case 2:
      return event.keeps_row ? Insert(table, side) : Update(table, side);
    case 3:
      return Delete(table, side);
    default:
      return Raise(event);
  }
}

std::string TriggerGenerator::Raise(const Event& event) {
  // Under recursive_triggers REPLACE ignored by BEFORE DELETE leaves indexes that contradict their table (SQLite 3.40).
  if (!event.has_new) return "SELECT RAISE(ABORT, 'the application''s'); ";
  if (dice_.Choose({{"trigger: RAISE(IGNORE)", 3}, {"trigger: RAISE of an error", 2}}) == 0)
    return "SELECT RAISE(IGNORE); ";
  return "SELECT RAISE(" + dice_.OneOf({"ABORT", "FAIL", "ROLLBACK"}) + ", 'the application''s'); ";
}

std::string TriggerGenerator::ValueFor(const Table& to, int column, const Table& from, const std::string& side) {
  if (dice_.Chance(0.6)) return Values(dice_).For(to, column);
  return side + Quoted(dice_, from.column(dice_.OneOf(from.Places(false))).name);
}

// The row that fired it, or those that are equal to it in some column.
std::string TriggerGenerator::Same(const Table& table, const std::string& side) {
  std::vector<int> columns = table.key;
  if (columns.empty()) columns.push_back(dice_.OneOf(table.Places(false)));
  std::vector<std::string> parts;
  for (const int column : columns) {
    const std::string name = Quoted(dice_, table.column(column).name);
    parts.push_back(name + " IS " + side + name);
  }
  return Joined(parts, " AND ");
}

std::string TriggerGenerator::UpdateItself(const Table& table, const std::string& side) {
  const int column = dice_.OneOf(table.Places(true));
  return "UPDATE " + dice_.OneOf({"", "", "OR IGNORE ", "OR REPLACE "}) + Quoted(dice_, table.name) + " SET " +
         Quoted(dice_, table.column(column).name) + " = " + ValueFor(table, column, table, side) + " WHERE " +
         Same(table, side) + "; ";
}

std::string TriggerGenerator::Insert(const Table& from, const std::string& side) {
  const Table& to = dice_.OneOf(schema_.tables);
  std::vector<std::string> names, values;
  for (const int column : to.Places(true)) {
    names.push_back(Quoted(dice_, to.column(column).name));
    values.push_back(ValueFor(to, column, from, side));
  }
  std::string text = "INSERT " + dice_.OneOf({"", "OR IGNORE ", "OR REPLACE ", "OR FAIL "}) + "INTO " +
                     Quoted(dice_, to.name) + "(" + Joined(names) + ") SELECT " + Joined(values) +
                     " WHERE (SELECT count(*) FROM " + Quoted(dice_, to.name) + ") < " + kRoom;
  if (dice_.Chance(0.15, "trigger: UPSERT")) text += " ON CONFLICT DO NOTHING";
  return text + "; ";
}

std::string TriggerGenerator::Update(const Table& from, const std::string& side) {
  const Table& to = dice_.OneOf(schema_.tables);
  const int column = dice_.OneOf(to.Places(true));
  return "UPDATE " + dice_.OneOf({"", "OR IGNORE ", "OR REPLACE "}) + Quoted(dice_, to.name) + " SET " +
         Quoted(dice_, to.column(column).name) + " = " + ValueFor(to, column, from, side) + " WHERE " +
         Expressions(dice_, to).Condition(to.Places(false), 1) + "; ";
}

std::string TriggerGenerator::Delete(const Table& from, const std::string& side) {
  const Table& to = dice_.OneOf(schema_.tables);
  const int column = dice_.OneOf(to.Places(false));
  return "DELETE FROM " + Quoted(dice_, to.name) + " WHERE " + Quoted(dice_, to.column(column).name) + " = " +
         ValueFor(to, column, from, side) + "; ";
}

std::vector<std::string> TriggerGenerator::OnView(const View& view, const Table& base, Names& names) {
  std::vector<std::string> columns, fresh, assigned;
  for (const Column& column : view.columns) {
    if (column.made != Made::kOrdinary) continue;
    const std::string name = Quoted(dice_, column.name);
    columns.push_back(name);
    fresh.push_back("NEW." + name);
    assigned.push_back(name + " = NEW." + name);
  }
  if (columns.empty()) return {};
  const std::string table = Quoted(dice_, base.name);
  const std::string same = columns[0] + " IS OLD." + columns[0];
  const auto trigger = [&](const char* event, const std::string& body) {
    return "CREATE TRIGGER " + Quoted(dice_, names.Of("instead")) + " INSTEAD OF " + event + " ON " +
           Quoted(dice_, view.name) + " BEGIN " + body + "; END";
  };
  dice_.Note("trigger: INSTEAD OF");
  return {trigger("INSERT", "INSERT " + dice_.OneOf({"OR IGNORE ", "OR REPLACE ", ""}) + "INTO " + table + "(" +
                                Joined(columns) + ") VALUES(" + Joined(fresh) + ")"),
          trigger("UPDATE", "UPDATE " + dice_.OneOf({"OR IGNORE ", "OR REPLACE ", ""}) + table + " SET " +
                                Joined(assigned) + " WHERE " + same),
          trigger("DELETE", "DELETE FROM " + table + " WHERE " + same)};
}

}  // namespace replicast::equivalence
