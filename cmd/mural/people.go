package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"mural/keys"
	"mural/node"
)

type followCmd struct {
	Who string `arg:"" help:"npub or hex of the person."`
}

func (f *followCmd) Run(e *env) error { return e.follow(f.Who, http.MethodPut) }

type leaveCmd struct {
	Who string `arg:"" help:"npub or hex of the person."`
}

func (l *leaveCmd) Run(e *env) error { return e.follow(l.Who, http.MethodDelete) }

func (e *env) follow(who, method string) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var out personView
	if err := c.send(e.ctx, method, "/api/people/"+url.PathEscape(who)+"/follow", struct{}{}, &out); err != nil {
		return err
	}
	return e.print(c.last, func() {
		word := "no longer follow"
		if out.Following {
			word = "follow"
		}
		fmt.Fprintf(e.out, "You %s %s, %s\n", word, clean(out.Name), out.Npub)
	})
}

type peersCmd struct{}

func (peersCmd) Run(e *env) error {
	c, err := e.api()
	if err != nil {
		return err
	}
	var out struct {
		Peers []peerView `json:"peers"`
	}
	if err := c.get(e.ctx, "/api/peers", &out); err != nil {
		return err
	}
	return e.print(c.last, func() {
		if len(out.Peers) == 0 {
			fmt.Fprintln(e.out, "Nobody yet. Show yourself here: mural nearby on; or invite somebody: mural invite")
		}
		for _, p := range out.Peers {
			fmt.Fprintln(e.out, p.line())
		}
	})
}

func (p peerView) line() string {
	who := "somebody"
	if p.Person != nil {
		who = clean(p.Person.Name)
	}
	state := "dark"
	if p.LastSeenMS > 0 {
		state = "dark since " + time.UnixMilli(p.LastSeenMS).Local().Format("15:04 on Jan 2")
	}
	if p.Connected {
		state = fmt.Sprintf("connected (%s), %s in, %s out", p.Transport, size(p.BytesIn), size(p.BytesOut))
	}
	if p.Nearby {
		state += ", nearby"
	}
	return fmt.Sprintf("%-20s %s  %s", who, p.PeerID, state)
}

type nearbyCmd struct {
	Word string `arg:"" optional:"" enum:",on,off" default:"" help:"on or off; without it: who is here."`
}

func (n *nearbyCmd) Run(e *env) error {
	c, err := e.running()
	if err != nil {
		return err
	}
	var out struct {
		Choice    string     `json:"choice"`
		Network   string     `json:"network"`
		NetworkID string     `json:"network_id"`
		Peers     []peerView `json:"peers"`
	}
	if err := c.get(e.ctx, "/api/nearby", &out); err != nil {
		return err
	}
	if n.Word != "" {
		in := map[string]any{"network_id": out.NetworkID, "on": n.Word == "on"}
		if err := c.send(e.ctx, http.MethodPost, "/api/nearby", in, &out); err != nil {
			return err
		}
	}
	return e.print(c.last, func() {
		switch out.Choice {
		case "on":
			fmt.Fprintf(e.out, "You are visible on %s.\n", out.Network)
		case "ask":
			fmt.Fprintf(e.out, "Show yourself on %s? Type: mural nearby on, or: mural nearby off\n", out.Network)
		default:
			fmt.Fprintf(e.out, "You are not visible on %s.\n", out.Network)
		}
		for _, p := range out.Peers {
			fmt.Fprintln(e.out, p.line())
		}
	})
}

type inviteCmd struct{}

func (inviteCmd) Run(e *env) error {
	c, err := e.running()
	if err != nil {
		return err
	}
	var out struct {
		Link   string `json:"link"`
		Code   string `json:"code"`
		QRText string `json:"qr_text"`
	}
	if err := c.send(e.ctx, http.MethodPost, "/api/invite", struct{}{}, &out); err != nil {
		return err
	}
	return e.print(c.last, func() {
		fmt.Fprintf(e.out, "%s\n%s\n\nOn the other device: mural join %s\n", out.QRText, out.Link, out.Code)
	})
}

type joinCmd struct {
	Link string        `arg:"" help:"The invitation: the link or the code in it."`
	Wait time.Duration `help:"How long to fetch when no node runs." default:"8s"`
}

// Run joins through the running node; without one it connects from here and
// fetches for a while, so that what was made is here when the network is gone.
func (j *joinCmd) Run(e *env) error {
	c, err := e.open(false)
	if err != nil {
		return err
	}
	var out struct {
		Person    personView `json:"person"`
		Connected bool       `json:"connected"`
	}
	if err := c.send(e.ctx, http.MethodPost, "/api/join", map[string]string{"link": j.Link}, &out); err != nil {
		return err
	}
	if c.own != nil && out.Connected {
		select {
		case <-time.After(j.Wait):
		case <-e.ctx.Done():
		}
	}
	return e.print(c.last, func() {
		state := "not reachable now; their posts come when you meet"
		if out.Connected {
			state = "connected"
		}
		fmt.Fprintf(e.out, "You follow %s, %s (%s)\n", clean(out.Person.Name), out.Person.Npub, state)
	})
}

type backupCmd struct {
	Out        string `short:"o" help:"File to write (default: named after you)." placeholder:"FILE"`
	Passphrase string `help:"Passphrase of at least 8 characters; asked for when left out." env:"MURAL_PASSPHRASE"`
}

func (b *backupCmd) Run(e *env) error {
	pass, err := e.passphrase(b.Passphrase)
	if err != nil {
		return err
	}
	c, err := e.api()
	if err != nil {
		return err
	}
	var out struct {
		Ncryptsec string `json:"ncryptsec"`
		Npub      string `json:"npub"`
		FileName  string `json:"file_name"`
		FileText  string `json:"file_text"`
	}
	if err := c.send(e.ctx, http.MethodPost, "/api/backup", map[string]string{"passphrase": pass}, &out); err != nil {
		return err
	}
	name := b.Out
	if name == "" {
		name = out.FileName
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, err)
	}
	if _, err := f.WriteString(out.FileText); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return e.print(map[string]string{"file": name, "npub": out.Npub}, func() {
		fmt.Fprintf(e.out, "%s holds your key, locked. Keep it and the passphrase apart.\n", name)
	})
}

func (e *env) passphrase(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	fmt.Fprint(e.err, "Passphrase: ")
	line, err := bufio.NewReader(e.in).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", &problem{Message: "No passphrase was typed.", Next: "Run it again and type one of at least 8 characters."}
	}
	_ = err // the end of the input ends the line too
	return line, nil
}

type restoreCmd struct {
	File       string `arg:"" help:"The backup file, or a file with an nsec1 key." type:"existingfile"`
	Passphrase string `help:"Passphrase of the backup; asked for when left out." env:"MURAL_PASSPHRASE"`
}

// Run brings a key into a fresh home. No node may run: the key is not sent anywhere.
func (r *restoreCmd) Run(e *env) error {
	b, err := os.ReadFile(r.File)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", r.File, err)
	}
	secret, err := e.keyIn(string(b), r.Passphrase)
	if err != nil {
		return err
	}
	n, err := node.Open(node.Config{Home: e.cli.Home, Alone: true, Log: logger(e.err, false)})
	if err != nil {
		return err
	}
	defer n.Close()
	who, err := n.Restore(e.ctx, secret)
	if err != nil {
		return err
	}
	return e.print(map[string]string{"pubkey": who.String()}, func() {
		fmt.Fprintln(e.out, "Your key is here. This is a new device; start it: mural run")
	})
}

// keyIn finds the key among the words of a backup file.
func (e *env) keyIn(text, given string) (secret [32]byte, err error) {
	for word := range strings.FieldsSeq(text) {
		switch {
		case strings.HasPrefix(word, "ncryptsec1"):
			pass, err := e.passphrase(given)
			if err != nil {
				return secret, err
			}
			return keys.Unlock(word, pass)
		case strings.HasPrefix(word, "nsec1"):
			return keys.ParseSecret(word)
		}
	}
	return secret, &problem{Message: "There is no key in this file.", Next: "A backup holds a word that begins with ncryptsec1."}
}
