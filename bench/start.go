package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

const idleTime = 20 * time.Second

// start measures from exec to a usable address, and what an idle node costs.
func start(ctx context.Context, bin, dir string) ([]row, error) {
	var up []time.Duration
	for i := range 5 {
		p, err := launch(ctx, bin, filepath.Join(dir, fmt.Sprintf("start%d", i)))
		if err != nil {
			return nil, err
		}
		up = append(up, p.up)
		p.stop()
	}
	began := time.Now() // the limit: a process that only prints its version
	if err := exec.CommandContext(ctx, bin, "version").Run(); err != nil {
		return nil, err
	}
	version := time.Since(began)
	p, err := launch(ctx, bin, filepath.Join(dir, "idle"))
	if err != nil {
		return nil, err
	}
	defer p.stop()
	time.Sleep(5 * time.Second)
	before := p.cpu()
	time.Sleep(idleTime)
	used := p.cpu() - before
	return []row{
		{"start, fresh home, to the printed link (median of 5)", ms(percentile(up, 50)), "`mural version`: " + ms(version), ratio(percentile(up, 50), version)},
		{fmt.Sprintf("idle for %s: CPU of one core", idleTime), fmt.Sprintf("%.2f %%", 100*used.Seconds()/idleTime.Seconds()), "goal 0.5 %", fmt.Sprintf("%.2f x", 100*used.Seconds()/idleTime.Seconds()/0.5)},
		{"idle: resident memory", fmt.Sprintf("%.0f MB", float64(p.resident())/1e6), "goal 80 MB", fmt.Sprintf("%.2f x", float64(p.resident())/80e6)},
	}, nil
}
