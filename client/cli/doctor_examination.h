#ifndef REPLICAST_CLIENT_CLI_DOCTOR_EXAMINATION_H_
#define REPLICAST_CLIENT_CLI_DOCTOR_EXAMINATION_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/connection.h"
#include "client/cli/context.h"
#include "client/cli/doctor_server.h"
#include "client/doctor/facts.h"
#include "client/doctor/listening.h"
#include "common/base/random.h"

namespace replicast::cli {

// One run of the doctor: who we are, what this machine tells, and what came of what was sent. One thread.
class Examination {
 public:
  struct Options {
    std::string database, directory, interface, group;
    uint16_t port = 0;
    absl::Duration listen_for, soak;
  };
  Examination(const Context& context, Options options, const SendingSettingsReader& reader)
      : context_(context), options_(std::move(options)), reader_(reader) {}

  // An error: there is nothing to examine. That the server can't be asked is none.
  absl::Status Run();
  const doctor::Facts& facts() const { return facts_; }
  // Why the server did not answer, or did not probe.
  const absl::Status& server_problem() const { return server_problem_; }

 private:
  absl::Status PrepareReplica();
  absl::Status PrepareServer();
  absl::Status PrepareServerFromItsFolder();
  void Ask(Connection connection);
  bool IsOurs(const std::string& address) const;
  bool ToV6() const;  // the group is an IPv6 one
  // As a replica chooses it.
  void ChooseInterface();
  void NoteDaemonsMembership();
  void Listen();
  // Has the server send, and listens meanwhile, at least so long as if it did.
  std::vector<doctor::ProbeFacts> Probe(doctor::Listening& listening, absl::Duration duration, absl::Status* problem);
  // Nobody else sends: what leaves this machine should come back to it, and to every other doctor on the network.
  void ProbeOurselves(doctor::Listening& listening);
  // The stream's own frames (a heartbeat a second at least) tell how long they come; a probe, whether they were sent.
  void Soak(doctor::Listening& listening, absl::Time begun);

  const Context& context_;
  const Options options_;
  const SendingSettingsReader& reader_;
  SystemRandom random_;
  doctor::Facts facts_;
  StreamName stream_;
  std::string configured_interface_;
  bool daemon_listens_ = false;
  std::optional<Connection> connection_;
  absl::Status server_problem_;
};

}  // namespace replicast::cli

#endif  // REPLICAST_CLIENT_CLI_DOCTOR_EXAMINATION_H_
