// Command bench measures a real node in the units its users feel, beside a
// physical limit in the same run, and prints the table of docs/benchmarks.md.
//
//	make bench                        # prints the table
//	go run ./bench -events 20000
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"mural/node"
)

// row is one line of the table: what a user feels, beside a limit.
type row struct {
	what, figure, limit, ratio string
}

func main() {
	events := flag.Int("events", 10_000, "events of the ingest run")
	posts := flag.Int("posts", 100, "posts of the A-to-B run")
	bin := flag.String("bin", "bin/mural", "the program to measure")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, *bin, *events, *posts); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bin string, events, posts int) error {
	dir, err := os.MkdirTemp("", "mural-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var rows []row
	for _, measure := range []func() ([]row, error){
		func() ([]row, error) { return start(ctx, bin, dir) },
		func() ([]row, error) { return ingest(ctx, bin, dir, events) },
		func() ([]row, error) { return between(ctx, bin, dir, posts) },
	} {
		more, err := measure()
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	printTable(rows)
	return nil
}

func printTable(rows []row) {
	fmt.Printf("mural %s, %s, %s/%s, %d cores, %s\n\n", node.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().Format("2006-01-02"))
	fmt.Println("| what | measured | limit in the same run | ratio |")
	fmt.Println("|---|---|---|---|")
	for _, r := range rows {
		fmt.Printf("| %s | %s | %s | %s |\n", r.what, r.figure, r.limit, r.ratio)
	}
}
