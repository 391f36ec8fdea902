package bench

import (
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"
)

const barInterval = 100 * time.Millisecond

// progress draws one bar after another on a terminal. A nil progress draws none.
type progress struct {
	all *mpb.Progress
	bar *mpb.Bar
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return nil
	}
	return &progress{all: mpb.New(mpb.WithOutput(f), mpb.WithWidth(50), mpb.WithRefreshRate(barInterval))}
}

// start ends the bar before and begins one called name.
func (p *progress) start(name string, total int64) {
	if p == nil || total <= 0 {
		return
	}
	p.drop()
	p.bar = p.all.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Percentage()))
}

func (p *progress) set(done int64) {
	if p != nil && p.bar != nil {
		p.bar.SetCurrent(done)
	}
}

func (p *progress) drop() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar = nil
	}
}

// stop removes the bar and waits for the goroutines behind it.
func (p *progress) stop() {
	if p != nil {
		p.drop()
		p.all.Wait()
	}
}
