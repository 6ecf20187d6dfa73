#include "integration_tests/simulation/simulated_relay.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/encoding.h"
#include "common/base/errors.h"

namespace replicast::simulation {
namespace {

constexpr size_t kSocketBuffer = 500;  // datagrams
constexpr char kLog[] = "/server/log.db", kStreams[] = "/server/streams/";

std::string StreamPath(const std::string& name) { return absl::StrCat(kStreams, HexEncode(name), ".db"); }

ServerId IdOf(const MemberId& member) {
  ServerId id;
  id.bytes = member.bytes;
  return id;
}

}  // namespace

// A socket that has joined a group.
class SimulatedRelay::Group : public relay::GroupListener {
 public:
  using Sink = std::function<void(std::string_view datagram, absl::Time now)>;
  Group(SimulatedRelay& relay, Sink sink) : relay_(relay), sink_(std::move(sink)), socket_(relay.TakeReceiver()) {
    relay_.receivers_[socket_].second = this;
  }
  ~Group() override {
    Stop();
    relay_.receivers_[socket_].second = nullptr;
  }
  absl::Status Listen(const v1::Grant& grant) override {
    relay_.network_.Listen(relay_.receivers_[socket_].first, simulation::GroupOf(grant.source(), grant.group()));
    return absl::OkStatus();
  }
  void Stop() override { relay_.network_.Listen(relay_.receivers_[socket_].first, ""); }
  void Take(const std::string& datagram) const { sink_(datagram, relay_.time_.clock.Now()); }

 private:
  SimulatedRelay& relay_;
  const Sink sink_;
  const size_t socket_;
};

struct SimulatedRelay::Following : Origin {
  std::unique_ptr<sqlite::Database> log;
  relay::RelayPublisher* publisher = nullptr;
  relay::LeasedAuthority* authority = nullptr;
};

SimulatedRelay::SimulatedRelay(const Surroundings& around, uint64_t seed, const std::string& name,
                               const std::string& address, const Credential& credential, const Options& options,
                               ServingProcess& upstream, CallObserver& observer)
    : RelayMachine(seed + 2),
      ServingProcess(around, RelayMachine::disk, seed, "relay", name, address, {.id = IdOf(credential.member)},
                     options),
      credential_(credential),
      link_(time_, random_, trace_, stopwatch_, upstream, observer, {credential.member, rpc::kRelayRole}) {
  link_.SetWake([this] {
    if (up()) Wake();
  });
}

SimulatedRelay::~SimulatedRelay() { Kill(); }

SimulatedRelay::Following& SimulatedRelay::following() const { return static_cast<Following&>(*parts()->origin); }

size_t SimulatedRelay::TakeReceiver() {
  for (size_t i = 0; i < receivers_.size(); ++i) {
    if (receivers_[i].second == nullptr) return i;
  }
  const size_t socket = receivers_.size();
  const auto sink = [this, socket](const std::string& datagram) { OnDatagram(socket, datagram); };
  receivers_.emplace_back(network_.AddReceiver(sink, path_), nullptr);
  return socket;
}

void SimulatedRelay::OnDatagram(size_t socket, const std::string& datagram) {
  if (!up()) return;
  if (!awake()) {
    if (kernel_.size() < kSocketBuffer) kernel_.emplace_back(socket, datagram);
    return;
  }
  const Stopwatch::Turn turn(stopwatch_, Part::kServer);
  Hear(socket, datagram);
  Step();
}

void SimulatedRelay::Hear(size_t socket, const std::string& datagram) {
  if (receivers_[socket].second != nullptr) receivers_[socket].second->Take(datagram);
}

absl::Status SimulatedRelay::MakeOrigin(Parts& parts) {
  kernel_.clear();
  ASSIGN_OR_RETURN(parts.membership, Membership::Open(*parts.state, identity_.id, CertificateAuthority(CaPem(), ""),
                                                      *parts.audit, clock_, random_));
  auto following = std::make_unique<Following>();
  ASSIGN_OR_RETURN(following->log, sqlite::Database::Open(kLog, {.create = true, .vfs = process_.vfs()}));
  RETURN_IF_ERROR(following->log->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"));
  parts.origin = std::move(following);
  return absl::OkStatus();
}

absl::Status SimulatedRelay::MakePublisher(Parts& parts) {
  auto& following = static_cast<Following&>(*parts.origin);
  relay::RelayPublisher::Files files;
  files.open = [this](const std::string& name) {
    return ReplicaDatabase::Open({.path = StreamPath(name), .vfs = process_.vfs(), .create = true}, clock_);
  };
  files.remove = [this](const std::string& name) {
    if (!process_.dead()) disk().Restore(StreamPath(name), {});
  };
  const relay::RelayPublisher::Upstream above{
      loop(),  {&link_}, calls_, {upstream().address() + ":7420"}, credential_.member, credential_.x25519,
      CaPem(), name()};
  ASSIGN_OR_RETURN(std::unique_ptr<relay::RelayPublisher> publisher,
                   relay::RelayPublisher::Start(
                       *following.log, above, std::move(files),
                       [this](auto sink) { return std::make_unique<Group>(*this, std::move(sink)); }, clock_, random_,
                       ListenerTo(*parts.events), {.unit_store_bytes = options_.unit_store_bytes}));
  following.publisher = publisher.get();
  parts.publisher = PublisherOver(std::move(publisher));
  ASSIGN_OR_RETURN(
      std::unique_ptr<relay::LeasedAuthority> authority,
      relay::LeasedAuthority::Open({*parts.state, *parts.membership, *following.publisher, calls_, clock_,
                                    [this](const MemberId& id) { plane().Revoke("upstream", id, "").IgnoreError(); },
                                    [this](const MemberId& id, const absl::Status& why) {
                                      trace_.Count("relay: member cut off as its lease ended");
                                      plane().CutOff(id, why).IgnoreError();
                                    }}));
  following.authority = authority.get();
  parts.authority = AuthorityOver(std::move(authority));
  return absl::OkStatus();
}

void SimulatedRelay::OnStarted() {
  following().publisher->SetOnNotice([this](const v1::SignedNotice& notice, const v1::NoticeStatement& statement) {
    trace_.Count("relay: notice of a revocation told on");
    plane().OnNotice(notice, statement);
  });
}

absl::Time SimulatedRelay::BeforeRound() {
  for (; !kernel_.empty(); kernel_.pop_front()) Hear(kernel_.front().first, kernel_.front().second);
  return std::min(following().publisher->Step(clock_.Now()), following().authority->Step());
}

void SimulatedRelay::LosePower() {
  Kill();
  disk().LosePower();
}

void SimulatedRelay::Leave() {
  Kill();
  left_ = true;
}

}  // namespace replicast::simulation
