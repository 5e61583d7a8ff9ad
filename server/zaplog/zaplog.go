package zaplog

import (
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A line that is repeated is written sampleFirst times a second, and then every
// sampleThen-th time: a fault in a loop must not fill a disk.
const (
	sampleFirst = 100
	sampleThen  = 100
)

// Options say what is logged, and how.
type Options struct {
	// Level is the least severity that is logged: debug, info, warn or error.
	Level string
	// Console writes lines for the eye instead of JSON objects.
	Console bool
	// Out is where the lines go. It need not be safe for concurrent use.
	Out io.Writer
}

// Logger writes the log. Its methods may be called by anybody, and by nobody but
// listeners: they are the vocabulary of the log.
type Logger struct {
	zap   *zap.Logger
	level zap.AtomicLevel
}

// New returns a Logger. Its error is that of an unknown level.
func New(o Options) (*Logger, error) {
	level, err := zap.ParseAtomicLevel(o.Level)
	if err != nil || !known(o.Level) {
		return nil, badLevel(o.Level)
	}
	core := zapcore.NewCore(encoder(o.Console), zapcore.Lock(zapcore.AddSync(o.Out)), level)
	core = zapcore.NewSamplerWithOptions(core, time.Second, sampleFirst, sampleThen)
	return &Logger{zap: zap.New(core), level: level}, nil
}

// Nop returns a Logger that writes nothing.
func Nop() *Logger { return &Logger{zap: zap.NewNop(), level: zap.NewAtomicLevel()} }

func encoder(console bool) zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey = "time"
	c.EncodeDuration = zapcore.StringDurationEncoder
	if console {
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		return zapcore.NewConsoleEncoder(c)
	}
	c.EncodeTime = func(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
		zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000000Z07:00")(t.UTC(), enc)
	}
	return zapcore.NewJSONEncoder(c)
}

// known tells whether name is one of the levels that can be set: zap knows more.
func known(name string) bool {
	switch name {
	case "debug", "info", "warn", "error":
		return true
	default:
		return false
	}
}

func badLevel(name string) error {
	return fmt.Errorf("%q is no log level: want debug, info, warn or error", name)
}

// Level returns the present level.
func (l *Logger) Level() string { return l.level.String() }

// SetLevel changes the level at once and returns the one before.
func (l *Logger) SetLevel(name string) (previous string, err error) {
	previous = l.Level()
	level, err := zapcore.ParseLevel(name)
	if err != nil || !known(name) {
		return previous, badLevel(name)
	}
	l.level.SetLevel(level)
	l.zap.Info("log level changed", zap.String("previous", previous), zap.String("level", name))
	return previous, nil
}

// Setting is a setting with its value, as [Logger.Starting] shows it.
type Setting struct{ Name, Value string }

// Starting is the first line of a server: its version and every setting.
func (l *Logger) Starting(version string, settings []Setting) {
	l.zap.Info("starting", zap.String("version", version), zap.Dict("settings", fields(settings)...))
}

func fields(settings []Setting) []zap.Field {
	all := make([]zap.Field, len(settings))
	for i, s := range settings {
		all[i] = zap.String(s.Name, s.Value)
	}
	return all
}

// Configured tells something about the file of settings: at is where it stands. A warning says that something will not be as the file has it.
func (l *Logger) Configured(at, text string, warning bool) {
	level := zap.InfoLevel
	if warning {
		level = zap.WarnLevel
	}
	l.zap.Log(level, "configuration: "+text, zap.String("at", at))
}

// Listening tells where clients, other servers, scrapers and askers of HTTP commands may connect; empty: nowhere.
func (l *Logger) Listening(clients, peers, metrics, admin string) {
	l.zap.Info("listening", zap.String("clients", clients), zap.String("peers", peers), zap.String("metrics", metrics), zap.String("admin", admin))
}

// PeerPortOpen tells that whoever reaches the peer port gets everything that is stored.
func (l *Logger) PeerPortOpen(peers string) {
	l.zap.Warn("whoever reaches the peer port can read everything: set --peer-secret-file, and keep the port off other networks", zap.String("peers", peers))
}

// NoQuorum tells that the settings do not fit the ensemble's membership, so that nothing is a quorum.
func (l *Logger) NoQuorum(err error) {
	l.zap.Error("--groups and --weights do not fit the ensemble: nothing is a quorum", zap.Error(err))
}

// Serving tells that the server can do all that it is there for, and how long that took.
func (l *Logger) Serving(after time.Duration) {
	l.zap.Info("serving", zap.Duration("after", after))
}

// Draining tells that the server stops taking calls, and why.
func (l *Logger) Draining(cause error, atMost time.Duration) {
	l.zap.Info("draining", zap.NamedError("cause", cause), zap.Duration("at_most", atMost))
}

// CutOff tells that calls were still open when draining had to end.
func (l *Logger) CutOff(calls int64) {
	l.zap.Warn("calls cut off: they did not end in time", zap.Int64("calls", calls))
}

// Stopped is the last line of a server: how long it ran, and the error that it ended with.
func (l *Logger) Stopped(uptime time.Duration, err error) {
	if err != nil {
		l.zap.Error("stopped", zap.Duration("uptime", uptime), zap.Error(err))
		return
	}
	l.zap.Info("stopped", zap.Duration("uptime", uptime))
}

// ConnectionRefused tells that a client was turned away because as many
// connections as may be are open.
func (l *Logger) ConnectionRefused(remote string, limit int) {
	l.zap.Warn("connection refused: --max-connections are open", zap.String("remote", remote), zap.Int("limit", limit))
}

// Panicked tells of a call that panicked; the server goes on.
func (l *Logger) Panicked(method string, value any, stack []byte) {
	l.zap.Error("a call panicked", zap.String("method", method), zap.Any("panic", value), zap.ByteString("stack", stack))
}
