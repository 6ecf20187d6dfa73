#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_

#include <array>
#include <utility>

namespace replicast::equivalence {

// What is generated.
struct Options {
  int statements = 400;       // of one seed, about
  double live_ddl = 0.2;      // share of the seeds that change the schema in use
  double missed_hooks = 0.1;  // share of the seeds in which only the scrub finds everything

  // What is wrong with the product, or can't be done yet: off.
  bool real_first_columns = false;       // DELETE ... RETURNING gives reals for integers where the first column is REAL
  bool quoted_types = false;             // a replica's DDL has a declared type without its quotes: "odd, type"
  bool converting_foreign_keys = false;  // a child's other affinity changes OLD before triggers AFTER DELETE see it
  bool unique_made_of_alias = false;     // in BEFORE INSERT nobody knows the rowid yet that an index is made of
  bool own_collations_in_virtual = false;  // the server can't compute such a column, and stands still for all tables
  bool filters_on_strict_any = false;      // filters take such a column as NUMERIC
  bool ddl_while_building = false;         // indexes that change while a dataset is being built never reach it
  bool keys_that_get_shorter = false;  // a table made anew with a shorter key, and entries of the old one: it aborts
  bool defaults_of_no_class = false;   // ADD COLUMN TEXT DEFAULT true gives integers, which no replica can store
};

// The names of what is off, to turn it on.
inline constexpr auto kOffOptions = std::to_array<std::pair<const char*, bool Options::*>>({
    {"real-first-columns", &Options::real_first_columns},
    {"quoted-types", &Options::quoted_types},
    {"converting-foreign-keys", &Options::converting_foreign_keys},
    {"unique-made-of-alias", &Options::unique_made_of_alias},
    {"own-collations-in-virtual", &Options::own_collations_in_virtual},
    {"filters-on-strict-any", &Options::filters_on_strict_any},
    {"ddl-while-building", &Options::ddl_while_building},
    {"keys-that-get-shorter", &Options::keys_that_get_shorter},
    {"defaults-of-no-class", &Options::defaults_of_no_class},
});

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
