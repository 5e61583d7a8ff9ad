package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// expect is a table of facts.
func expect(s *script, words []string) ([]string, error) {
	if len(words) < 1 {
		return nil, errors.New("expect what?")
	}
	facts := map[string]func(*script, []string) error{
		"leader": (*script).expectLeader, "role": (*script).expectRole, "log": (*script).expectLog, "epochs": (*script).expectEpochs,
		"shows": (*script).expectShows, "lacks": (*script).expectLacks, "syncing": (*script).expectSyncing, "lag": (*script).expectLag, "same": (*script).expectSame,
	}
	check, ok := facts[words[0]]
	if !ok {
		return nil, fmt.Errorf("no such fact: %s", words[0])
	}
	return nil, check(s, words[1:])
}

// expectLeader: the server with this id leads; 0: nobody does.
func (s *script) expectLeader(words []string) error {
	if got := fmt.Sprint(s.world.Leader()); !slices.Equal(words, []string{got}) {
		return fmt.Errorf("server %s leads", got)
	}
	return nil
}

// expectRole: the server is looking, follower, observer, leader or down.
func (s *script) expectRole(words []string) error {
	h, rest, err := s.one(words)
	if err != nil {
		return err
	}
	got := "down"
	if r := h.server(); r != nil {
		got = r.peer.Standing().Role.String()
	}
	if !slices.Equal(rest, []string{got}) {
		return fmt.Errorf("it is %s", got)
	}
	return nil
}

// disk returns what is on the disk of the first word's server, and the other words.
func (s *script) disk(words []string) (onDisk, []string, error) {
	h, rest, err := s.one(words)
	if err != nil {
		return onDisk{}, nil, err
	}
	d, err := h.onDisk()
	return d, rest, err
}

// expectLog: the server's log has exactly these zxids.
func (s *script) expectLog(words []string) error {
	d, rest, err := s.disk(words)
	if err != nil {
		return err
	}
	if got := d.zxids(); got != strings.Join(rest, " ") {
		return fmt.Errorf("it has %s", got)
	}
	return nil
}

// expectEpochs: the server's disk has this accepted epoch and this current one.
func (s *script) expectEpochs(words []string) error {
	d, rest, err := s.disk(words)
	if err != nil {
		return err
	}
	if got := []string{fmt.Sprint(d.epochs.Accepted), fmt.Sprint(d.epochs.Current)}; !slices.Equal(rest, got) {
		return fmt.Errorf("it has accepted epoch %s, its current one is %s", got[0], got[1])
	}
	return nil
}

// expectShows: the server shows this data at a path; expectLacks: it shows nothing there.
func (s *script) expectShows(words []string) error {
	return s.expectAt(words, func(data string, there bool, want []string) bool { return there && data == dataOf(want) })
}

func (s *script) expectLacks(words []string) error {
	return s.expectAt(words, func(_ string, there bool, _ []string) bool { return !there })
}

func (s *script) expectAt(words []string, so func(data string, there bool, want []string) bool) error {
	h, rest, err := s.one(words)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return errors.New("at which path?")
	}
	r := h.server()
	if r == nil {
		return errDown
	}
	data, there, at := r.get(rest[0])
	if so(data, there, rest[1:]) {
		return nil
	}
	shows, _ := shown(data, there, at, nil)
	return fmt.Errorf("it shows %.80s", shows)
}

// expectSyncing: a leader is in the middle of bringing a learner to its history in this way: it has sent
// something, and is not done.
func (s *script) expectSyncing(words []string) error {
	h, rest, err := s.one(words)
	if err != nil {
		return err
	}
	r := h.server()
	if r == nil {
		return errDown
	}
	var all []string
	for _, l := range r.peer.Status().Learners {
		if l.State == "synchronizing" && l.Sync.Bytes > 0 {
			all = append(all, fmt.Sprint(l.ID), l.Sync.Kind.String())
		}
	}
	if !slices.Equal(rest, all) {
		return fmt.Errorf("it is synchronizing %v", all)
	}
	return nil
}

// expectLag: so many bytes, from..to, has a leader sent to a learner that are not acknowledged.
func (s *script) expectLag(words []string) error {
	if len(words) != 3 {
		return errors.New("which leader, which learner, and how many bytes?")
	}
	h, err := s.host(words[0])
	if err != nil {
		return err
	}
	r := h.server()
	if r == nil {
		return errDown
	}
	var from, to int64
	if _, err := fmt.Sscanf(words[2], "%d..%d", &from, &to); err != nil {
		return err
	}
	for _, l := range r.peer.Status().Learners {
		if fmt.Sprint(l.ID) != words[1] {
			continue
		}
		if l.LagBytes < from || l.LagBytes > to {
			return fmt.Errorf("it is %d bytes", l.LagBytes)
		}
		return nil
	}
	return errors.New("it is not there")
}

// expectSame: all servers that run show the same tree.
func (s *script) expectSame([]string) error {
	shown := map[string][]int{}
	for _, h := range s.world.hosts {
		if r := h.server(); r != nil {
			v := r.store.Version()
			what := fmt.Sprintf("%v with digest %x", v.Zxid(), v.Digest())
			shown[what] = append(shown[what], int(h.ID))
		}
	}
	if len(shown) != 1 {
		return fmt.Errorf("they differ: %v", shown)
	}
	return nil
}
