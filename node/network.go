package node

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"sort"
	"strings"
)

// Network is the network this machine stands in, as far as it can be told
// apart: consent to be seen is asked once for each.
type Network struct {
	ID      string // hash of the subnets and the gateway's hardware address; "" = no network
	Name    string // for people
	Subnets string // what the interfaces say by themselves
	Settled bool   // the gateway's hardware address is known, or there is no gateway
}

// currentNetwork looks at the interfaces. Loopback and links that are down do not count.
func currentNetwork() Network {
	ifs, err := net.Interfaces()
	if err != nil {
		return Network{}
	}
	var nets, names []string
	for _, i := range ifs {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagMulticast == 0 {
			continue
		}
		for _, p := range prefixes(i) {
			nets = append(nets, p.String())
			names = append(names, linkWord(i.Name)+" ("+p.String()+")")
		}
	}
	if len(nets) == 0 {
		return Network{}
	}
	sort.Strings(nets)
	sort.Strings(names)
	gateway := defaultGateway()
	return newNetwork(strings.Join(nets, "|"), strings.Join(names[:min(len(names), 2)], ", "), gateway, hardwareOf(gateway))
}

func newNetwork(subnets, name, gateway, hardware string) Network {
	sum := sha256.Sum256([]byte(subnets + "|" + hardware))
	return Network{ID: hex.EncodeToString(sum[:8]), Name: name, Subnets: subnets, Settled: gateway == "" || hardware != ""}
}

// prefixes gives the IPv4 subnets of an interface; IPv6 ones change too often to name a network.
func prefixes(i net.Interface) []netip.Prefix {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Unmap().Is4() {
			out = append(out, p.Masked())
		}
	}
	return out
}

func linkWord(name string) string {
	if strings.HasPrefix(name, "wl") || strings.HasPrefix(name, "en0") {
		return "this Wi-Fi"
	}
	return "this network"
}

const noHardware = "00:00:00:00:00:00" // an entry of the neighbour table that is not answered yet

// hardwareOf tells two networks with the same numbers apart (Linux; "" elsewhere,
// and while the gateway has not been spoken to).
func hardwareOf(gateway string) string {
	if gateway == "" {
		return ""
	}
	for _, f := range fields("/proc/net/arp") {
		if len(f) > 3 && f[0] == gateway && f[3] != noHardware {
			return f[3]
		}
	}
	return ""
}

func defaultGateway() string {
	for _, f := range fields("/proc/net/route") {
		if len(f) > 2 && f[1] == "00000000" {
			if b, err := hex.DecodeString(f[2]); err == nil && len(b) == 4 {
				return net.IPv4(b[3], b[2], b[1], b[0]).String()
			}
		}
	}
	return ""
}

func fields(path string) [][]string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, strings.Fields(s.Text()))
	}
	return out
}
