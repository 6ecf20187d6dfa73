#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_

namespace replicast::equivalence {

// What is generated. Off is what the product can't do yet, each with its reason.
struct Options {
  int statements = 400;  // of one seed, about
  bool wide_tables = true;
  bool own_collations = true;  // the application's, registered only on its own connections
  bool filters_with_own_collations = true;
  bool vacuum_of_rowids = true;    // renumbers the rows that only a rowid identifies

  // What is wrong, or can't be done yet.
  bool temporary_after = false;     // a TEMP trigger AFTER a change fires before ours, and may end it with the row kept
  bool real_first_columns = false;  // DELETE ... RETURNING gives reals for integers where the first column is REAL
  bool quoted_types = false;        // a replica's DDL has a declared type without its quotes: "odd, type"
  bool converting_foreign_keys = false;  // a child's other affinity changes OLD before triggers AFTER DELETE see it
  bool unique_made_of_alias = false;     // in BEFORE INSERT nobody knows the rowid yet that an index is made of
  bool own_collations_in_keys = false;   // the server can't look up such a key
  bool filters_on_strict_any = false;    // filters take such a column as NUMERIC
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
