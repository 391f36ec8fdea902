package intercept

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// Tool is what rules of the packet filter are made with.
type Tool string

// The tools. Nft is the kernel's own interface and needs no program; Iptables runs
// iptables-restore and its like, whichever backend they have.
const (
	Nft      Tool = "nft"
	Iptables Tool = "iptables"
)

// ErrCapability is the error of a process that has no CAP_NET_ADMIN in its network
// namespace. Nothing was changed then.
var ErrCapability = errors.New("CAP_NET_ADMIN is missing")

// Change is one thing that was done.
type Change struct {
	Verb string // made, kept or removed
	What string // "table inet weir"
}

// Up makes what p needs, in place of all that was made before with either tool. What is
// there already is kept or replaced in one step, so that doing it again does not disturb
// connections. On an error, what this call has made is taken back, and the message says
// so; only what had to be removed last may then be left over.
func Up(p *Plan, t Tool) ([]Change, error) {
	if _, err := nftTable(); err != nil {
		return nil, permission(err)
	}
	j := &journal{}
	if err := j.up(p, t); err != nil {
		return nil, j.takeBack(permission(err))
	}
	return j.done, j.clear(p, t)
}

// journal is what one call has done, and how to take it back.
type journal struct {
	done []Change
	undo []func() error
}

func (j *journal) up(p *Plan, t Tool) error {
	own, err := ownDeliveries()
	if err != nil {
		return err
	}
	for _, d := range p.deliveries() {
		if slices.ContainsFunc(own, d.same) {
			j.did("kept", d.String())
			continue
		}
		added, err := d.add()
		if err != nil {
			return err
		}
		if !added {
			j.did("kept", d.String()+", which others have made")
			continue
		}
		j.undo = append(j.undo, d.remove)
		j.did("made", d.String())
	}
	if t == Iptables {
		return j.iptables(p)
	}
	return j.nft(p)
}

func (j *journal) nft(p *Plan) error {
	chains := p.chains()
	if len(chains) == 0 {
		return nil
	}
	there, err := nftTable()
	if err != nil {
		return err
	}
	if there {
		if differences, err := nftDiffers(chains); err == nil && len(differences) == 0 {
			j.did("kept", "table inet "+tableName)
			return nil
		}
	}
	if err := nftReplace(chains); err != nil {
		return err
	}
	j.did("made", "table inet "+tableName)
	return nil
}

// clear removes what an earlier call has made and p does not need.
func (j *journal) clear(p *Plan, t Tool) error {
	var errs []error
	if t != Nft || len(p.chains()) == 0 {
		errs = append(errs, j.removeTable())
	}
	keep := func(xtables, string) bool { return false }
	if t == Iptables {
		keep = p.made()
	}
	errs = append(errs, j.removeIptables(keep))
	return errors.Join(append(errs, j.removeDeliveries(p.deliveries()))...)
}

// Down removes all that Up has made, by whatever process and with either tool, and
// nothing else.
func Down() ([]Change, error) {
	if _, err := nftTable(); err != nil {
		return nil, permission(err)
	}
	j := &journal{}
	err := j.clear(&Plan{}, "")
	return j.done, err
}

func (j *journal) removeTable() error {
	there, err := nftTable()
	if err != nil || !there {
		return err
	}
	if err := nftReplace(nil); err != nil {
		return err
	}
	j.did("removed", "table inet "+tableName)
	return nil
}

// removeDeliveries removes our ip rules and routes, but those to keep.
func (j *journal) removeDeliveries(keep []delivery) error {
	own, err := ownDeliveries()
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range own {
		if slices.ContainsFunc(keep, d.same) {
			continue
		}
		if err := d.remove(); err != nil {
			errs = append(errs, err)
			continue
		}
		j.did("removed", d.String())
	}
	return errors.Join(errs...)
}

func (j *journal) did(verb, what string) { j.done = append(j.done, Change{verb, what}) }

// takeBack undoes what was done before cause, the last first.
func (j *journal) takeBack(cause error) error {
	if len(j.undo) == 0 {
		return cause
	}
	for _, undo := range slices.Backward(j.undo) {
		if err := undo(); err != nil {
			return fmt.Errorf("%w\nand not all that was made before could be removed: %w; run: weir transparent down", cause, err)
		}
	}
	return fmt.Errorf("%w; what was made before that is removed again", cause)
}

func permission(err error) error {
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%w: %w", ErrCapability, err)
	}
	return err
}
