package main

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"mural/node"
)

type runCmd struct {
	PeerPort int    `help:"Port for other nodes (default: port + 1)." placeholder:"N"`
	Listen   string `help:"Address of the port; 0.0.0.0 lets guests on this network read (default: this machine only)." placeholder:"ADDR"`
	Nearby   string `help:"Answer the question 'show yourself on this network?' for whatever network this is: on or off." enum:",on,off" default:""`
	Open     bool   `help:"Take posts from everybody without quotas: public relays and benchmarks."`
	Verbose  bool   `help:"Log what happens." short:"v"`
}

// gcPercent trades a little CPU for memory: old laptops have more of the first.
const gcPercent = 50

// Run starts the node, prints one line with a link and stays until it is told to end.
func (r *runCmd) Run(e *env) error {
	debug.SetGCPercent(gcPercent)
	n, err := node.Open(node.Config{Home: e.cli.Home, Port: e.cli.Port, PeerPort: r.PeerPort, Listen: r.Listen,
		Nearby: r.Nearby, Open: r.Open, Log: logger(e.err, r.Verbose)})
	if err != nil {
		return err
	}
	if err := n.Serve(); err != nil {
		return errors.Join(err, n.Close())
	}
	fmt.Fprintf(e.out, "mural is up: %s\n", n.Link())
	<-e.ctx.Done()
	return n.Close()
}

type openCmd struct{}

// Run prints a sign-in link that works once.
func (openCmd) Run(e *env) error {
	c, err := e.running()
	if err != nil {
		return err
	}
	var out struct {
		Link string `json:"link"`
	}
	if err := c.send(e.ctx, http.MethodPost, "/api/link", struct{}{}, &out); err != nil {
		return err
	}
	return e.print(out, func() { fmt.Fprintln(e.out, out.Link) })
}

type versionCmd struct{}

func (versionCmd) Run(e *env) error {
	out := map[string]string{"version": node.Version()}
	return e.print(out, func() { fmt.Fprintln(e.out, "mural", node.Version()) })
}

type doctorCmd struct{}

// Run says what works here, what is missing and what to type.
func (doctorCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var st statusView
	if err := c.get(e.ctx, "/api/node", &st); err != nil {
		return err
	}
	return e.print(st, func() {
		how := "no node runs; this was looked at without one"
		if c.own == nil {
			how = "the node runs and answers at " + c.base
		}
		fmt.Fprintf(e.out, "mural %s: %s\n", st.Version, how)
		for _, k := range st.Checks {
			mark := "ok     "
			if !k.OK {
				mark = "missing"
			}
			fmt.Fprintf(e.out, "%s  %-8s %s\n", mark, k.Name, k.What)
			if k.Next != "" {
				fmt.Fprintf(e.out, "                  -> %s\n", k.Next)
			}
		}
	})
}
