#include "integration_tests/equivalence/shrink.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace replicast::equivalence {
namespace {

using Fails = std::function<bool(const Script&)>;

// Leaves out ever smaller pieces of one of the script's lists.
template <typename T>
bool ShrinkList(Script* script, std::vector<T> Script::*list, const Fails& fails) {
  const size_t before = (script->*list).size();
  for (size_t piece = std::max<size_t>(before / 2, 1); piece > 0; piece /= 2) {
    for (size_t end = (script->*list).size(); end > 0;) {
      const size_t begin = end > piece ? end - piece : 0;
      Script tried = *script;
      std::vector<T>& items = tried.*list;
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(begin), items.begin() + static_cast<std::ptrdiff_t>(end));
      if (fails(tried)) *script = std::move(tried);
      end = begin;
    }
  }
  return (script->*list).size() < before;
}

void ShrinkDatasets(Script* script, const Fails& fails) {
  const auto attempt = [&](const auto& change) {
    Script tried = *script;
    change(&tried);
    if (fails(tried)) *script = std::move(tried);
  };
  for (size_t i = 0; i < script->steps.size(); ++i) {
    for (int t = script->steps[i].definition.tables_size() - 1; t >= 0; --t) {
      const auto table = [&](Script* of) { return of->steps[i].definition.mutable_tables(t); };
      attempt([&](Script* tried) { table(tried)->clear_filter(); });
      attempt([&](Script* tried) { table(tried)->clear_columns(); });
      attempt([&](Script* tried) { tried->steps[i].definition.mutable_tables()->DeleteSubrange(t, 1); });
    }
  }
}

}  // namespace

Script Shrink(Script script, const Fails& fails) {
  bool smaller = true;
  while (smaller) {
    smaller = ShrinkList(&script, &Script::steps, fails);
    smaller |= ShrinkList(&script, &Script::ddl, fails);
  }
  ShrinkDatasets(&script, fails);
  return script;
}

}  // namespace replicast::equivalence
