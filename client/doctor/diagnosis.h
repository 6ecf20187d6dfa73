#ifndef REPLICAST_CLIENT_DOCTOR_DIAGNOSIS_H_
#define REPLICAST_CLIENT_DOCTOR_DIAGNOSIS_H_

#include <vector>

#include "client/doctor/facts.h"

namespace replicast::doctor {

// Every cause that the facts show, and nothing that they don't: what was seen, with numbers, and what to do. Empty:
// multicast arrives as it should. The ids:
//   interface-down             the interface is not there, down, without carrier or without an address
//   interface-without-multicast  it has no multicast flag
//   not-joined                 the kernel refuses to join, or does not list the group that a daemon listens to
//   no-route                   no route leads to the server
//   wrong-interface            probes come by another interface, or the server is on another one's network
//   ttl                        datagrams end before they reach this network
//   no-multicast-routing       a router is between, and nothing comes through it
//   reverse-path-filter        the kernel drops them, since it would answer by another interface
//   firewall                   a rule of this machine drops them; it is named
//   frame-too-large            small ones arrive, full-size ones don't
//   receive-buffer             the socket overflowed, or will at the stream's rate
//   rate-over-link             fast ones are lost, slow ones aren't; or the link is slower than the stream
//   clock-off                  server and replica don't agree on the time, or a certificate is not valid now
//   shared-mac                 groups that differ share an Ethernet address
//   no-querier                 silence some time after joining, although the server sends
//   bridge-without-querier     a bridge on the way forgets who listens, and nobody asks
//   container-network          a container's own network carries no multicast
//   loss                       datagrams are lost at random, here or at a receiver
//   silence                    nothing comes, and none of the above shows here
std::vector<Finding> Diagnose(const Facts& facts);

}  // namespace replicast::doctor

#endif  // REPLICAST_CLIENT_DOCTOR_DIAGNOSIS_H_
