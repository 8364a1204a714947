<?php
// A file server over the folder beside this file, with locks: the WebDAV that Nextcloud
// and ownCloud are built upon.
error_reporting(E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING);
ini_set('display_errors', '0');
date_default_timezone_set('UTC');
require_once '/usr/share/php/Sabre/autoload.php';
$server = new Sabre\DAV\Server(new Sabre\DAV\FS\Directory(__DIR__ . '/public'));
$server->setBaseUri('/');
$server->addPlugin(new Sabre\DAV\Locks\Plugin(new Sabre\DAV\Locks\Backend\File(__DIR__ . '/data/locks')));
$server->exec();
