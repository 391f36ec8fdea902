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
	u := &upper{}
	if err := u.up(p, t); err != nil {
		return nil, u.takeBack(permission(err))
	}
	return u.done, u.clear(p, t)
}

// upper is one call of Up.
type upper struct {
	done []Change
	undo []func() error
}

func (u *upper) up(p *Plan, t Tool) error {
	own, err := ownDeliveries()
	if err != nil {
		return err
	}
	for _, d := range p.deliveries() {
		if slices.ContainsFunc(own, d.same) {
			u.did("kept", d.String())
			continue
		}
		added, err := d.add()
		if err != nil {
			return err
		}
		if !added {
			u.did("kept", d.String()+", which others have made")
			continue
		}
		u.undo = append(u.undo, d.remove)
		u.did("made", d.String())
	}
	if t == Iptables {
		return u.iptables(p)
	}
	return u.nft(p)
}

func (u *upper) nft(p *Plan) error {
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
			u.did("kept", "table inet "+tableName)
			return nil
		}
	}
	if err := nftReplace(chains); err != nil {
		return err
	}
	u.did("made", "table inet "+tableName)
	return nil
}

// clear removes what an earlier call has made and p does not need.
func (u *upper) clear(p *Plan, t Tool) error {
	var errs []error
	if t != Nft || len(p.chains()) == 0 {
		errs = append(errs, u.removeTable())
	}
	keep := func(xtables, string) bool { return false }
	if t == Iptables {
		keep = p.made()
	}
	errs = append(errs, u.removeIptables(keep))
	return errors.Join(append(errs, u.removeDeliveries(p.deliveries()))...)
}

// Down removes all that Up has made, by whatever process and with either tool, and
// nothing else.
func Down() ([]Change, error) {
	if _, err := nftTable(); err != nil {
		return nil, permission(err)
	}
	u := &upper{}
	err := u.clear(&Plan{}, "")
	return u.done, err
}

func (u *upper) removeTable() error {
	there, err := nftTable()
	if err != nil || !there {
		return err
	}
	if err := nftReplace(nil); err != nil {
		return err
	}
	u.did("removed", "table inet "+tableName)
	return nil
}

// removeDeliveries removes our ip rules and routes, but those to keep.
func (u *upper) removeDeliveries(keep []delivery) error {
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
		u.did("removed", d.String())
	}
	return errors.Join(errs...)
}

func (u *upper) did(verb, what string) { u.done = append(u.done, Change{verb, what}) }

// takeBack undoes what was done before cause, the last first.
func (u *upper) takeBack(cause error) error {
	if len(u.undo) == 0 {
		return cause
	}
	for _, undo := range slices.Backward(u.undo) {
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
