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

std::string AddressOf(const ServingProcess& server) { return server.address() + ":7420"; }

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
  std::unique_ptr<relay::RotatingCalls> calls;
  std::unique_ptr<sqlite::Database> log;
  relay::RelayPublisher* publisher = nullptr;
  relay::LeasedAuthority* authority = nullptr;
};

SimulatedRelay::SimulatedRelay(const Surroundings& around, uint64_t seed, const std::string& name,
                               const std::string& address, const Credential& credential, const Options& options,
                               const std::vector<ServingProcess*>& upstreams, CallObserver& observer)
    : RelayMachine(seed + 2),
      ServingProcess(around, RelayMachine::disk, seed, "relay", name, address, {.id = IdOf(credential.member)},
                     options),
      credential_(credential),
      observer_(observer),
      upstreams_(upstreams) {
  MakeLinks(upstreams_);
}

SimulatedRelay::~SimulatedRelay() { Kill(); }

void SimulatedRelay::MakeLinks(const std::vector<ServingProcess*>& servers) {
  REPLICAST_CHECK(!up());
  const CallFaults faults = links_.empty() ? CallFaults() : links_[0]->faults;
  links_.clear();
  for (ServingProcess* server : servers) {
    links_.push_back(std::make_unique<ControlLink>(time_, random_, trace_, stopwatch_, *server, observer_,
                                                   rpc::Peer{credential_.member, rpc::kRelayRole}));
    links_.back()->faults = faults;
    links_.back()->SetWake([this] {
      if (up()) Wake();
    });
  }
}

void SimulatedRelay::SetCallFaults(const CallFaults& faults) {
  for (const auto& link : links_) link->faults = faults;
}

void SimulatedRelay::CutCalls(bool calls, bool answers) {
  for (const auto& link : links_) {
    link->faults.cut = calls;
    link->faults.cut_answers = answers;
  }
}

std::vector<ServingProcess*> SimulatedRelay::Asked() const {
  if (!up()) return upstreams_;
  std::vector<ServingProcess*> asked = {&links_[following().calls->index()]->server()};
  for (const std::string& dataset : following().publisher->Datasets()) {
    for (const auto& link : links_) {
      if (StreamOf(dataset)->session().server() == AddressOf(link->server())) asked.push_back(&link->server());
    }
  }
  return asked;
}

void SimulatedRelay::SetUpstreams(const std::vector<ServingProcess*>& upstreams) {
  Kill();
  upstreams_ = upstreams;
  astray_ = false;
  MakeLinks(upstreams_);
}

void SimulatedRelay::PointAstray(ServingProcess& server) {
  Kill();
  astray_ = true;
  MakeLinks({&server});
  trace_.Note("%s is pointed at %s by mistake", name(), server.name());
}

void SimulatedRelay::PointBack() {
  if (astray_) SetUpstreams(upstreams_);
}

const relay::RelayStream* SimulatedRelay::StreamOf(const std::string& dataset) const {
  return up() ? following().publisher->StreamOf(dataset) : nullptr;
}

uint64_t SimulatedRelay::calls_as_member() const {
  uint64_t calls = 0;
  for (const auto& link : links_) calls += link->calls - link->authorizations;
  return calls;
}

uint64_t SimulatedRelay::busiest_second() const {
  uint64_t most = 0;
  for (const auto& link : links_) most = std::max(most, link->busiest_second());
  return most;
}

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
  std::vector<relay::UpstreamCalls*> calls;
  for (const auto& link : links_) calls.push_back(link.get());
  following->calls = std::make_unique<relay::RotatingCalls>(std::move(calls));
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
  std::vector<ControlChannel*> channels;
  std::vector<std::string> addresses;
  for (const auto& link : links_) {
    channels.push_back(link.get());
    addresses.push_back(AddressOf(link->server()));
  }
  const relay::RelayPublisher::Upstream above{.loop = loop(),
                                              .channels = std::move(channels),
                                              .calls = *following.calls,
                                              .servers = std::move(addresses),
                                              .member = credential_.member,
                                              .x25519 = credential_.x25519,
                                              .ca_pem = CaPem(),
                                              .display_name = name()};
  ASSIGN_OR_RETURN(std::unique_ptr<relay::RelayPublisher> publisher,
                   relay::RelayPublisher::Start(
                       *following.log, above, std::move(files),
                       [this](auto sink) { return std::make_unique<Group>(*this, std::move(sink)); }, clock_, random_,
                       ListenerTo(*parts.events), {.unit_store_bytes = options_.unit_store_bytes}));
  following.publisher = publisher.get();
  parts.publisher = PublisherOver(std::move(publisher));
  ASSIGN_OR_RETURN(
      std::unique_ptr<relay::LeasedAuthority> authority,
      relay::LeasedAuthority::Open({*parts.state, *parts.membership, *following.publisher, *following.calls, clock_,
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
