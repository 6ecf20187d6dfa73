#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_

namespace replicast::equivalence {

// What is generated. Off is what the product can't do yet, each with its reason.
struct Options {
  int statements = 400;  // of one seed, about
  bool wide_tables = true;
  bool own_collations = true;  // the application's, registered only on its own connections
  bool filters_with_own_collations = true;
  bool temporary_after_ignore = true;  // TEMP triggers AFTER a change that say RAISE(IGNORE)

  bool real_first_columns = false;  // DELETE ... RETURNING gives reals for integers where the first column is REAL
  bool quoted_types = false;      // a replica's DDL has a declared type without its quotes: "odd, type"
  bool vacuum_of_rowids = false;  // VACUUM may renumber the rows that only a rowid identifies
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
