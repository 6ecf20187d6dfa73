#ifndef REPLICAST_CLIENT_SESSION_SUBSCRIPTION_H_
#define REPLICAST_CLIENT_SESSION_SUBSCRIPTION_H_

#include <absl/time/time.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session/back_off.h"
#include "client/session/control_channel.h"
#include "client/session/inbox.h"
#include "client/session/intake.h"
#include "client/session/question.h"
#include "client/session/server_choice.h"
#include "client/session/session_environment.h"
#include "client/session/stop_position.h"
#include "common/crypto/crypto.h"

namespace replicast {

// The member's standing with its server: the grant, the epoch keys, the certificate; whether the server is there, and
// which one of several it is. While all are away it asks again with back-off, and says so once. Sans-IO, one thread.
class Subscription {
 public:
  struct Options {
    std::string dataset;
    std::vector<std::string> servers;  // host:port, one at least; the first is asked first
    MemberId member;
    std::string instance = {};  // 16 random bytes of this run; empty: it does not say
    crypto::KeyPair x25519;
    std::string ca_pem;  // that certifies the master's signing key
    uint64_t max_rate_bytes_per_second = 0;
    std::optional<v1::Definition> narrowing = {};  // only so much of the dataset
    v1::Transport transport = v1::TRANSPORT_UNSPECIFIED;
    v1::Memory memory = v1::MEMORY_CLIENT;   // who remembers where the replica stands
    std::optional<Until> until = {};         // it goes no further
    std::vector<DailyWindow> schedule = {};  // when it takes what comes, in this zone; empty: always
    absl::TimeZone zone = absl::UTCTimeZone();
    uint64_t rate_cap_bytes_per_second = 0;                // what it takes itself, at most; 0: no cap
    absl::Time renew_at = absl::InfiniteFuture();          // the certificate
    absl::Duration grant_life = absl::InfiniteDuration();  // the grant is asked for anew so long after it was given
  };
  Subscription(Options options, ControlChannel& control, SessionEnvironment& environment, Random& random, Inbox& inbox);

  void Step(absl::Time now, const std::optional<Position>& position);
  absl::Time NextDeadline() const;

  // Ask for a grant anew, no later than the back-off allows.
  void AskForGrant(absl::Time now);
  // For a server that remembers where the member stands, but not what it has: the next subscription tells it.
  void TellPosition(absl::Time now) {
    tell_position_ = true;
    AskForGrant(now);
  }
  // What was granted last was so to who told where it stands.
  bool told_position() const { return request_.has_position(); }
  // An RPC of somebody else failed: the server may be away, or refuse the member, or have forgotten its grant.
  void OnRpcFailure(const absl::Status& status, absl::Time now);
  // What the server granted can't be used (`refusal`), or it brings no news: if there is another server, that one is
  // asked.
  void MoveOn(const absl::Status& why, bool refusal, absl::Time now);
  // Of what the server granted only a snapshot leads on: the others are asked first, each once, whether units of theirs
  // do. False: nobody else is left to be asked.
  bool AskOthersForUnits(absl::Time now);
  // The master's server revoked a relay on the way to it.
  void OnServerRevoked(absl::Time now);
  // Another server is asked than before: nothing that the earlier one granted is of use. True once.
  bool TakeMoved() { return std::exchange(moved_, false); }
  // Fetch the keys of the granted stream at `when`; nothing when that is under way.
  void AskForKeys(absl::Time when);
  bool keys_pending() const { return asking_keys_.open() || keys_at_ != absl::InfiniteFuture(); }

  // Each is given once.
  std::optional<v1::SubscribeResponse> TakeGrant() { return std::exchange(granted_, std::nullopt); }
  std::optional<v1::KeyBundle> TakeKeys() { return std::exchange(keys_, std::nullopt); }
  // The member is refused for good, or there is nothing to subscribe to.
  const std::optional<absl::Status>& ended() const { return ended_; }
  bool server_away() const { return away_; }
  const std::string& server() const { return choice_.current(); }  // that is asked now
  const std::string& not_ready() const { return not_ready_; }      // why it can't grant now; empty: it can, or is away
  bool alone() const { return choice_.alone(); }

 private:
  void Subscribe(const std::optional<Position>& position);
  void SendSubscribe(uint64_t call);
  void OnSubscribed(absl::StatusOr<v1::SubscribeResponse> answer);
  void GetKeys();
  void SendGetKeys(uint64_t call);
  void OnKeys(const absl::StatusOr<v1::GetKeysResponse>& answer, uint32_t stream_id);
  std::optional<v1::KeyBundle> OpenBundle(const v1::GetKeysResponse& answer, uint32_t stream_id) const;
  void Renew();
  void NoteGoodGrant();
  void TryLater();
  void Say(const std::string& line) { environment_.Say(line); }
  // Answers of a server that was left meanwhile are dropped.
  template <typename Response>
  ControlChannel::Answer<Response> Expect(std::function<void(absl::StatusOr<Response>)> then);

  const Options options_;
  ControlChannel& control_;
  SessionEnvironment& environment_;
  Random& random_;
  Inbox& inbox_;
  ServerChoice choice_;
  uint64_t generation_ = 0;  // of the server that is asked
  bool moved_ = false;

  absl::Time now_ = absl::InfinitePast();
  absl::Time ask_at_ = absl::InfinitePast();
  Question asking_;
  v1::SubscribeRequest request_;
  absl::Time asked_at_ = absl::InfinitePast();
  absl::Duration patience_;   // with an answer, where another server could be asked
  size_t without_units_ = 0;  // servers of which no unit leads on, since one led on
  bool tell_position_ = false;
  absl::Time not_before_ = absl::InfinitePast();  // while backing off
  BackOff back_off_;
  absl::Time granted_at_ = absl::InfiniteFuture();  // the newest grant, until something fails
  int broken_ = 0;  // calls of this server that failed since it was asked first, or had granted for a while
  bool away_ = false;
  std::string not_ready_;    // why the server could not grant yet, as said last
  bool told_moved_ = false;  // that another server is asked
  bool told_all_ = false;    // that none of the servers serves

  Question asking_keys_;
  absl::Time keys_at_ = absl::InfiniteFuture();
  absl::Time renew_at_;
  bool renewing_ = false;

  uint32_t stream_id_ = 0;
  std::string key_signing_public_key_;
  std::optional<v1::SubscribeResponse> granted_;
  std::optional<v1::KeyBundle> keys_;
  std::optional<absl::Status> ended_;
};

}  // namespace replicast

#endif  // REPLICAST_CLIENT_SESSION_SUBSCRIPTION_H_
