#ifndef REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
#define REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_

namespace replicast::equivalence {

// What is generated.
struct Options {
  int statements = 400;       // of one seed, about
  double live_ddl = 0.2;      // share of the seeds that change the schema in use
  double missed_hooks = 0.1;  // share of the seeds in which only the scrub finds everything
};

}  // namespace replicast::equivalence

#endif  // REPLICAST_INTEGRATION_TESTS_EQUIVALENCE_OPTIONS_H_
