package signal

import (
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
)

// messages is Signal's schema as far as its JSON form needs it: for each message its
// fields as name=number:type, in the order in which they are declared. A type is a
// scalar, ref (the number of a recipient, a u64), or the name of a message or of an enum
// below; * means any number of them,
// ? that it is written whenever it is set (else only when it is not zero).
var messages = map[string]string{
	"Info":  "version=1:u64 backupTimeMs=2:u64 mediaRootBackupKey=3:bytes currentAppVersion=4:string firstAppVersion=5:string debugInfo=6:bytes",
	"Frame": "account=1:Account recipient=2:Recipient chat=3:Chat chatItem=4:ChatItem stickerPack=5:StickerPack adHocCall=6:AdHocCall notificationProfile=7:Profile chatFolder=8:Folder",

	"Account":      "profileKey=1:bytes username=2:string? usernameLink=3:UsernameLink givenName=4:string familyName=5:string avatarUrlPath=6:string donationSubscriberData=7:Subscriber accountSettings=9:Settings backupsSubscriberData=10:IAPSubscriber svrPin=11:string androidSpecificSettings=12:Android bioText=13:string bioEmoji=14:string",
	"UsernameLink": "entropy=1:bytes serverId=2:bytes color=3:LinkColor",
	"AutoDownload": "images=1:DownloadOption audio=2:DownloadOption video=3:DownloadOption documents=4:DownloadOption",
	"Settings": "readReceipts=1:bool sealedSenderIndicators=2:bool typingIndicators=3:bool linkPreviews=4:bool notDiscoverableByPhoneNumber=5:bool preferContactAvatars=6:bool universalExpireTimerSeconds=7:u32 preferredReactionEmoji=8:string* displayBadgesOnProfile=9:bool keepMutedChatsArchived=10:bool hasSetMyStoriesPrivacy=11:bool hasViewedOnboardingStory=12:bool storiesDisabled=13:bool storyViewReceiptsEnabled=14:bool? hasSeenGroupStoryEducationSheet=15:bool hasCompletedUsernameOnboarding=16:bool phoneNumberSharingMode=17:NumberSharing defaultChatStyle=18:Style customChatColors=19:CustomColor* optimizeOnDeviceStorage=20:bool backupTier=21:u64? " +
		"defaultSentMediaQuality=23:Quality autoDownloadSettings=24:AutoDownload screenLockTimeoutMinutes=26:u32? pinReminders=27:bool? appTheme=28:Theme callsUseLessDataSetting=29:CallData allowSealedSenderFromAnyone=30:bool allowAutomaticKeyVerification=31:bool hasSeenAdminDeleteEducationDialog=32:bool",
	"Subscriber":    "subscriberId=1:bytes currencyCode=2:string manuallyCancelled=3:bool",
	"IAPSubscriber": "subscriberId=1:bytes purchaseToken=2:string? originalTransactionId=3:u64?",
	"Android":       "useSystemEmoji=1:bool screenshotSecurity=2:bool navigationBarSize=3:BarSize",

	"Recipient":       "id=1:u64 contact=2:Contact group=3:Group distributionList=4:ListItem self=5:Self releaseNotes=6:Empty callLink=7:CallLink",
	"Contact":         "aci=1:bytes? pni=2:bytes? username=3:string? e164=4:u64? blocked=5:bool visibility=6:Visibility registered=7:Empty notRegistered=8:NotRegistered profileKey=9:bytes? profileSharing=10:bool profileGivenName=11:string? profileFamilyName=12:string? hideStory=13:bool identityKey=14:bytes? identityState=15:Identity nickname=16:Name note=17:string systemGivenName=18:string systemFamilyName=19:string systemNickname=20:string avatarColor=21:AvatarColor? keyTransparencyData=22:bytes? blockedAtTimestamp=23:u64",
	"NotRegistered":   "unregisteredTimestamp=1:u64",
	"Name":            "given=1:string family=2:string",
	"Group":           "masterKey=1:bytes whitelisted=2:bool hideStory=3:bool storySendMode=4:StorySend snapshot=5:Snapshot blocked=6:bool avatarColor=7:AvatarColor? blockedAtTimestamp=8:u64",
	"Snapshot":        "title=2:Attribute description=11:Attribute avatarUrl=3:string disappearingMessagesTimer=4:Attribute accessControl=5:Access version=6:u32 members=7:Member* membersPendingProfileKey=8:PendingKey* membersPendingAdminApproval=9:PendingApproval* inviteLinkPassword=10:bytes announcementsOnly=12:bool membersBanned=13:Banned* terminated=14:bool",
	"Attribute":       "title=1:string? avatar=2:bytes? disappearingMessagesDuration=3:u32? descriptionText=4:string?",
	"Member":          "userId=1:bytes role=2:Role joinedAtVersion=5:u32 labelEmoji=6:string labelString=7:string",
	"PendingKey":      "member=1:Member addedByUserId=2:bytes timestamp=3:u64",
	"PendingApproval": "userId=1:bytes timestamp=4:u64",
	"Banned":          "userId=1:bytes timestamp=2:u64",
	"Access":          "attributes=1:AccessLevel members=2:AccessLevel addFromInviteLink=3:AccessLevel memberLabel=4:AccessLevel",
	"Self":            "avatarColor=1:AvatarColor?",
	"CallLink":        "rootKey=1:bytes adminKey=2:bytes? name=3:string restrictions=4:Restrictions expirationMs=5:u64 epoch=6:bytes?",
	"ListItem":        "distributionId=1:bytes deletionTimestamp=2:u64? distributionList=3:List",
	"List":            "name=1:string allowReplies=2:bool privacyMode=3:Privacy memberRecipientIds=4:ref*",

	"Chat":         "id=1:u64 recipientId=2:ref archived=3:bool pinnedOrder=4:u32? expirationTimerMs=5:u64? muteUntilMs=6:u64? markedUnread=7:bool dontNotifyForMentionsIfMuted=8:bool style=9:Style expireTimerVersion=10:u32",
	"Style":        "wallpaperPreset=1:Wallpaper? wallpaperPhoto=2:Pointer autoBubbleColor=3:Empty bubbleColorPreset=4:Bubble? customColorId=5:u64? dimWallpaperInDarkMode=7:bool",
	"Gradient":     "angle=1:u32 colors=2:fixed32* positions=3:float*",
	"CustomColor":  "id=1:u64 solid=2:fixed32? gradient=3:Gradient",
	"AdHocCall":    "callId=1:u64 recipientId=2:ref state=3:AdHocState callTimestamp=4:u64",
	"StickerPack":  "packId=1:bytes packKey=2:bytes",
	"Profile":      "name=1:string emoji=2:string? color=3:fixed32 createdAtMs=4:u64 allowAllCalls=5:bool allowAllMentions=6:bool allowedMembers=7:ref* scheduleEnabled=8:bool scheduleStartTime=9:u32 scheduleEndTime=10:u32 scheduleDaysEnabled=11:Day* id=12:bytes",
	"Folder":       "name=1:string showOnlyUnread=2:bool showMutedChats=3:bool includeAllIndividualChats=4:bool includeAllGroupChats=5:bool folderType=6:FolderType includedRecipientIds=7:ref* excludedRecipientIds=8:ref* id=9:bytes",
	"Empty":        "",
	"ChatItem":     "chatId=1:u64 authorId=2:ref dateSent=3:u64 expireStartDate=4:u64? expiresInMs=5:u64? revisions=6:ChatItem* sms=7:bool incoming=8:Incoming outgoing=9:Outgoing directionless=10:Empty standardMessage=11:Standard contactMessage=12:ContactMessage stickerMessage=13:StickerMessage remoteDeletedMessage=14:Empty updateMessage=15:Update paymentNotification=16:Payment giftBadge=17:GiftBadge viewOnceMessage=18:ViewOnce directStoryReplyMessage=19:StoryReply poll=20:Poll adminDeletedMessage=22:AdminDeleted pinDetails=21:Pin",
	"Incoming":     "dateReceived=1:u64 dateServerSent=2:u64? read=3:bool sealedSender=4:bool",
	"Outgoing":     "sendStatus=1:SendStatus* dateReceived=2:u64",
	"Pin":          "pinnedAtTimestamp=1:u64 pinExpiresAtTimestamp=2:u64? pinNeverExpires=3:bool?",
	"SendStatus":   "recipientId=1:ref timestamp=2:u64 pending=3:Empty sent=4:Sealed delivered=5:Sealed read=6:Sealed viewed=7:Sealed skipped=8:Empty failed=9:Failed",
	"Sealed":       "sealedSender=1:bool",
	"Failed":       "reason=1:SendFailure",
	"AdminDeleted": "adminId=1:ref",
}

// A fieldType is one field of a message in the table.
type fieldType struct {
	name      string
	number    protowire.Number
	scalar    string
	message   *messageType
	enum      []string
	repeated  bool
	explicit  bool
	reference bool
}

// A messageType is a message in the table, with its fields in the order of their
// declaration, and where each number stands among them.
type messageType struct {
	name   string
	fields []fieldType
	index  map[protowire.Number]int
	names  map[string]int
}

// byName returns the field of that name, or nil.
func (m *messageType) byName(name []byte) *fieldType {
	if i, ok := m.names[string(name)]; ok {
		return &m.fields[i]
	}
	return nil
}

// byNumber returns the field of that number, or nil.
func (m *messageType) byNumber(num protowire.Number) *fieldType {
	if i, ok := m.index[num]; ok {
		return &m.fields[i]
	}
	return nil
}

// schema returns the parsed table.
var schema = sync.OnceValue(func() map[string]*messageType {
	types := map[string]*messageType{}
	for _, table := range []map[string]string{messages, contents, updates} {
		for name := range table {
			types[name] = &messageType{name: name, index: map[protowire.Number]int{}, names: map[string]int{}}
		}
	}
	for _, table := range []map[string]string{messages, contents, updates} {
		for name, text := range table {
			types[name].parse(text, types)
		}
	}
	return types
})

func (m *messageType) parse(text string, types map[string]*messageType) {
	for _, entry := range strings.Fields(text) {
		name, rest, _ := strings.Cut(entry, "=")
		digits, typ, _ := strings.Cut(rest, ":")
		number, err := strconv.Atoi(digits)
		f := fieldType{name: name, repeated: strings.HasSuffix(typ, "*"), explicit: strings.HasSuffix(typ, "?")}
		typ = strings.TrimRight(typ, "*?")
		if typ == "ref" {
			f.reference, typ = true, "u64"
		}
		switch {
		case types[typ] != nil:
			f.message = types[typ]
		case enums[typ] != "":
			f.enum = strings.Fields(enums[typ])
		case scalars[typ]:
			f.scalar = typ
		default:
			err = malformed("type %s", typ)
		}
		if err != nil {
			panic("signal: schema: " + entry) // the table is wrong
		}
		f.number = protowire.Number(number)
		m.index[f.number], m.names[name] = len(m.fields), len(m.fields)
		m.fields = append(m.fields, f)
	}
}

var scalars = map[string]bool{"u64": true, "u32": true, "bool": true, "bytes": true, "string": true, "fixed32": true, "float": true}
