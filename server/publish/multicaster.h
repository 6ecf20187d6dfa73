#ifndef REPLICAST_SERVER_PUBLISH_MULTICASTER_H_
#define REPLICAST_SERVER_PUBLISH_MULTICASTER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/delivery/stream_sender.h"
#include "common/net/datagram_transport.h"
#include "common/sqlite/database.h"
#include "common/wire/signer.h"
#include "replicast/v1/key_exchange_service.pb.h"
#include "replicast/v1/rate_service.pb.h"
#include "server/publish/publisher.h"

namespace replicast {

// What a grant and `stream show` tell of one stream's channel.
struct ChannelInfo {
  DefinitionHash definition_hash;
  uint32_t stream_id = 0;
  uint32_t incarnation = 0;  // this run's first epoch
  uint32_t epoch = 0;
  KeyId key_id;
  std::string group;
  uint16_t port = 0;
  size_t frame_size = 0;
  uint64_t rate = 0, rate_floor = 0, rate_ceiling = 0;  // bytes of UDP payload a second
  std::string rate_reason;  // "ceiling", "member 1a2b… takes 2.0 MB/s", "loss of 4.1 % reported by …"
  uint32_t members = 0;
  size_t queued_bytes = 0;
  delivery::SenderCounters counters;
};

struct RepairResult {
  enum class Outcome { kFrames, kWait, kCatchUp } outcome = Outcome::kCatchUp;
  std::vector<std::string> frames;
  absl::Duration retry_after;
};

// Every stream's sender, key sequence, rate and members on this run of the server: takes stored units from the
// publisher and gives datagrams to the transport. One thread (the publisher's); steppable. The epoch counter is in the
// state database before an epoch is used, so that no start and no copy of the state ever repeats a key with a nonce;
// secrets are only in memory. Groups are allocated once for a definition and remembered; a stream for which none is
// left has no channel, and is followed by unicast.
class Multicaster : public UnitListener {
 public:
  struct Options {
    std::string group_range = "239.192.0.0/14";
    uint16_t port = 7422;
    size_t frame_size = 0;
    uint64_t rate_floor = 0, rate_ceiling = 0;
    absl::Duration rekey_every;
  };
  static absl::StatusOr<std::unique_ptr<Multicaster>> Create(sqlite::Database& state, const wire::Signer& signer,
                                                             Clock& clock, Random& random, net::DatagramSender& sender,
                                                             const Options& options);

  // Sends what may go now; begins and announces epochs; gives back when to be called again.
  virtual absl::Time Tick() = 0;
  // True while some stream's queue is long: drain later, so that units merge.
  virtual bool Congested() const = 0;

  virtual std::optional<ChannelInfo> Channel(const DefinitionHash& stream) const = 0;
  virtual std::optional<ChannelInfo> ChannelById(uint32_t stream_id) const = 0;

  // Members that hold a grant. A join ratchets the key first (at most once a second), so that traffic recorded before
  // it stays closed; then Keys gives the secrets of the current and the announced epoch.
  virtual void Join(const DefinitionHash& stream, const MemberId& member, uint64_t max_rate) = 0;
  virtual void Leave(const DefinitionHash& stream, const MemberId& member) = 0;
  virtual absl::StatusOr<v1::KeyBundle> Keys(const DefinitionHash& stream) = 0;
  // A new epoch, announced limits::kKeyAnnounce ahead; gives its number.
  virtual absl::StatusOr<uint32_t> Rekey(const DefinitionHash& stream) = 0;
  // A new epoch at once, of a fresh secret, in every stream of the member: it reads nothing published from here on.
  virtual absl::Status Revoke(const MemberId& member) = 0;

  // Tells every stream that has members a serialized v1.SignedNotice.
  virtual void Notify(const std::string& notice) = 0;

  // INVALID_ARGUMENT, NOT_FOUND (STREAM_UNKNOWN). Costs at most a tenth of the stream's rate, whoever asks.
  virtual absl::StatusOr<RepairResult> Repair(uint32_t stream_id, uint32_t incarnation, const MemberId& member,
                                              const std::vector<delivery::SymbolSpan>& missing) = 0;
  virtual absl::StatusOr<v1::ReportResponse> Report(uint32_t stream_id, const MemberId& member,
                                                    const v1::ReceptionReport& report) = 0;
};

}  // namespace replicast

#endif  // REPLICAST_SERVER_PUBLISH_MULTICASTER_H_
