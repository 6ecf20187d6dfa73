#ifndef REPLICAST_INTEGRATION_TESTS_SIMULATION_SECURITY_OBSERVER_H_
#define REPLICAST_INTEGRATION_TESTS_SIMULATION_SECURITY_OBSERVER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/lsn.h"
#include "integration_tests/simulation/control_link.h"
#include "server/publish/multicaster.h"

namespace replicast::simulation {

// Checks what leaves the servers: no key and nonce with two contents, over every frame of every run; nothing to a
// revoked member, neither by an answer nor by a frame that its keys open (of a relay: once it knows, and at the latest
// when the lease ends that it had); to a new member no key of what was sent before it was one. And of what members
// take: no frame under a key that no server made.
class SecurityObserver : public CallObserver {
 public:
  explicit SecurityObserver(const VirtualTime& time) : time_(time) {}

  // A datagram of a server.
  void OnDatagram(const std::string& datagram, const ServingProcess& by);
  void OnAnswered(const ServingProcess& by, const MemberId& member, const std::string& method, bool ok) override;
  void OnGranted(const ServingProcess& by, const MemberId& member, const v1::Grant& grant) override;
  void OnRepaired(const ServingProcess& by, const v1::RepairResponse& response) override;
  void OnKeysGiven(const ServingProcess& by, const MemberId& member, const ChannelInfo& channel) override;
  void OnFrameTaken(const std::string& datagram) override;
  // Its machine, with all that it keeps of its members.
  void OnCopied(const ServingProcess& from, const ServingProcess& to);
  // The master's server revoked it.
  void OnRevoked(const MemberId& member);
  // Somebody sealed this under a key of its own.
  void OnForeignFrame(const std::string& datagram);
  // Whether it ever got a grant of this stream of the server.
  bool WasGranted(const ServingProcess& by, const MemberId& member, uint32_t stream_id) const {
    return granted_.contains({{by.name(), member}, stream_id});
  }
  using Revoked = std::map<MemberId, absl::Time>;  // and when
  const Revoked& revoked() const { return revoked_; }
  void SetRevoked(Revoked revoked) { revoked_ = std::move(revoked); }
  // Also if that was taken back.
  bool WasRevoked(const MemberId& member) const { return ever_revoked_.contains(member); }
  uint64_t frames() const { return frames_; }

 private:
  // Whether the server may give it nothing more.
  bool MustRefuse(const ServingProcess& by, const MemberId& member) const;
  // A stream of one run of a server: a copied machine counts its epochs on from the same number, with keys of its own.
  using Source = std::pair<std::pair<std::string, uint64_t>, uint32_t>;
  void OnKeyUpdate(const Source& source, const std::string& body);
  void CheckNonce(const KeyId& key, uint64_t sequence, const std::string& datagram);

  const VirtualTime& time_;
  std::map<KeyId, absl::Time> first_sealed_;
  // First, by server, member and stream.
  std::map<std::pair<std::pair<std::string, MemberId>, uint32_t>, absl::Time> granted_;
  std::map<std::pair<KeyId, uint64_t>, uint64_t> sealed_;  // key and sequence → hash of the frame
  std::map<std::pair<Source, uint32_t>, KeyId> keys_;      // by epoch
  std::map<KeyId, std::set<MemberId>> knowers_;
  Revoked revoked_;
  std::set<MemberId> ever_revoked_;
  std::set<uint64_t> foreign_;  // hashes of frames
  uint64_t frames_ = 0;
};

}  // namespace replicast::simulation

#endif  // REPLICAST_INTEGRATION_TESTS_SIMULATION_SECURITY_OBSERVER_H_
