package signaldesktop

import (
	"fmt"

	"github.com/godbus/dbus/v5"
)

// Names of the Secret Service, which GNOME's keyring, KeePassXC and KWallet 6 offer.
const (
	secrets       = "org.freedesktop.secrets"
	secretService = "org.freedesktop.Secret.Service"
)

// secretOfKeyring asks the Secret Service of this session for the secret that Signal
// Desktop keeps there. It does not unlock anything.
func secretOfKeyring() ([]byte, error) {
	bus, err := dbus.ConnectSessionBus()
	if err != nil {
		return nil, fmt.Errorf("no session bus: %w", ErrKeyring)
	}
	defer bus.Close()
	return secretOn(bus)
}

// A secret is the Secret Service's (oayays).
type secret struct {
	Session           dbus.ObjectPath
	Parameters, Value []byte
	ContentType       string
}

func secretOn(bus *dbus.Conn) ([]byte, error) {
	service := bus.Object(secrets, "/org/freedesktop/secrets")
	var output dbus.Variant
	var session dbus.ObjectPath
	if err := service.Call(secretService+".OpenSession", 0, "plain", dbus.MakeVariant("")).Store(&output, &session); err != nil {
		return nil, fmt.Errorf("no Secret Service: %w", ErrKeyring)
	}
	var unlocked, locked []dbus.ObjectPath
	for _, schema := range []string{"chrome_libsecret_os_crypt_password_v2", "chrome_libsecret_os_crypt_password"} {
		attributes := map[string]string{"xdg:schema": schema, "application": "Signal"}
		if err := service.Call(secretService+".SearchItems", 0, attributes).Store(&unlocked, &locked); err != nil {
			return nil, fmt.Errorf("the search failed: %w", ErrKeyring)
		}
		if len(unlocked)+len(locked) > 0 {
			break
		}
	}
	if len(unlocked) == 0 {
		if len(locked) > 0 {
			return nil, fmt.Errorf("it is locked: %w", ErrKeyring)
		}
		return nil, fmt.Errorf("it has none: %w", ErrKeyring)
	}
	var s secret
	if err := bus.Object(secrets, unlocked[0]).Call("org.freedesktop.Secret.Item.GetSecret", 0, session).Store(&s); err != nil {
		return nil, fmt.Errorf("the item cannot be read: %w", ErrKeyring)
	}
	return s.Value, nil
}
