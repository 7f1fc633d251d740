// Command mural makes its user a full member of a peer-to-peer media network.
//
//	mural run                          start the node and print a link to the app
//	mural post clip.mp4 --text "..."   publish
//	mural feed                         read
//
// Commands talk to the running node of the same home, or run alone when none runs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/libp2p/go-libp2p/gologshim"

	"mural/node"
)

// cli is the command line. Flags here belong to every command.
type cli struct {
	Home string `help:"Folder of this node: keys, events, media." default:"${home}" env:"MURAL_HOME" type:"path" placeholder:"DIR"`
	Port int    `help:"Port of the app, the relay and the media (default 4880)." env:"MURAL_PORT" placeholder:"N"`
	JSON bool   `help:"Print data as the node's own JSON (docs/protocol/api.md); errors stay sentences on the error stream." name:"json"`

	Run     runCmd     `cmd:"" help:"Start the node and print a link to the app."`
	Open    openCmd    `cmd:"" help:"Print a fresh sign-in link to the app of the running node."`
	Name    nameCmd    `cmd:"" help:"Say who you are: makes your key the first time."`
	Post    postCmd    `cmd:"" help:"Publish words, pictures, clips or sound."`
	Feed    feedCmd    `cmd:"" help:"What people you trust made, newest first."`
	Show    showCmd    `cmd:"" help:"One post with its lineage."`
	Pass    passCmd    `cmd:"" help:"Pass a post on with a layer of your own."`
	Get     getCmd     `cmd:"" help:"Write a blob to a file; asks peers when it is not here."`
	Delete  deleteCmd  `cmd:"" help:"Ask everybody to delete a post of yours."`
	Peers   peersCmd   `cmd:"" help:"Nodes this one talks to or has met."`
	Follow  followCmd  `cmd:"" help:"Follow somebody."`
	Leave   leaveCmd   `cmd:"" name:"unfollow" help:"Follow somebody no longer."`
	Nearby  nearbyCmd  `cmd:"" help:"Show this device on the network it is on, or stop."`
	Invite  inviteCmd  `cmd:"" help:"Make an invitation: a link and a QR code."`
	Join    joinCmd    `cmd:"" help:"Take an invitation: connects and follows."`
	Backup  backupCmd  `cmd:"" name:"backup-key" help:"Write your key, locked with a passphrase, to a file."`
	Restore restoreCmd `cmd:"" name:"restore-key" help:"Bring your key from a backup into a fresh home."`
	Copy    copyCmd    `cmd:"" name:"backup" help:"Copy your events, and your media if you like, to a folder; also while the node runs."`
	Check   checkCmd   `cmd:"" help:"Read the database and a sample of the media, and say whether they are whole."`
	Rebuild rebuildCmd `cmd:"" help:"Make the indexes of the database anew from its events."`
	Doctor  doctorCmd  `cmd:"" help:"What works here, what is missing, what to type."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// streams is where commands read and write.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// env is what every command gets.
type env struct {
	streams
	ctx  context.Context
	cli  *cli
	conn *client // opened on first use
}

func main() {
	if os.Getenv("GOLOG_LOG_LEVEL") == "" { // libp2p logs what it also gives back, and people are told once
		gologshim.SetDefaultHandler(slog.DiscardHandler)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// command runs one command line and gives its exit status.
func command(ctx context.Context, args []string, io streams) int {
	var c cli
	status := -1
	parser, err := kong.New(&c, kong.Name("mural"), kong.Description("Peer-to-peer media: publish, pass on with a layer, keep each other's work alive."),
		kong.Vars{"home": node.DefaultHome()}, kong.Writers(io.out, io.err), kong.UsageOnError(), kong.Exit(func(code int) { status = code }))
	if err != nil {
		fmt.Fprintln(io.err, "mural:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	line, err := parser.Parse(args)
	if status >= 0 { // --help printed and asked to end
		return status
	}
	if err != nil {
		fmt.Fprintf(io.err, "mural: %s\nType: mural --help\n", strings.TrimPrefix(err.Error(), "[<files> ...]: "))
		return 2
	}
	e := &env{streams: io, ctx: ctx, cli: &c}
	err = line.Run(e)
	err = errors.Join(err, e.close())
	if err != nil {
		fmt.Fprintln(io.err, "mural:", sentence(err))
		return 1
	}
	return 0
}

// sentence drops the trail of package names that is meant for logs.
func sentence(err error) string {
	var p *problem
	if errors.As(err, &p) {
		return p.Error()
	}
	return err.Error()
}

func logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
