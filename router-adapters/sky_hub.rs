//! Sky Hub and NOW Hub: the admin page *LAN IP Setup*.
//!
//! ## What it reads
//!
//! `sky_lan_ip_setup.html`, and where given `sky_lan_ip_setup_addmac.html`, which repeats the range, and
//! `sky_router_status.html` or the hub's first page, for model and firmware. Pages are known by their content.
//!
//! | fact | from |
//! |---|---|
//! | DHCP range | `var dhcpStart`, `var dhcpEnd` of the inline script, the first quoted IPv4 literal |
//! | DHCP on, off, relayed | `var dhcpEnbl`: 1, 0, 2; not known when `proto` is `Bridge` or `ipExt` is 1 |
//! | the hub's address, the mask | `Ipaddr = '…'`, `Subnetmask = '…'` of the inline script |
//! | lease | `var dhcpLease`, in hours |
//! | reservations | `staticIPList` (MAC, IP, name) and the table's `attach_dev` (MAC, name, IP, index) |
//! | IPv6 prefix | the ULA prefix, when `srvData` says that it is announced |
//!
//! Both lists on this page are the list of reservations: `staticIPList` is what the page checks a new range against,
//! `attach_dev` is what its table of reservations shows. What only one of the two says is kept with medium confidence;
//! one machine with two addresses is an error. Other pages have an `attach_dev` too, with the devices that are attached
//! now: those have leases, not fixed addresses, and are not read.
//!
//! Or the hub's backup, `sky_router_settings.conf` (Advanced > Backup Settings), which is XML: state, range, lease and
//! reservations of `LANHostConfigManagement`. What a backup leaves out is not known.
//!
//! The form's inputs are never read for addresses: their values are the firmware's template (192.168.0.x), whatever the
//! hub is set to. A page that is not understood, or contradicts itself or another page, is an error.
//!
//! ## How to get it
//!
//! On the hub: Advanced > LAN IP Setup, then the browser's "Save page as". Then
//! `poolcheck router read sky_lan_ip_setup.html`. Or let `poolcheck router fetch --adapter sky-hub` fetch it.
//!
//! ## What it cannot know
//!
//! Whether another DHCP server runs on the LAN, in particular while the hub relays or bridges. DHCPv6 ranges: the hub's
//! DHCPv6 server hands out settings only, so there are none. Machines that gave themselves an address. The page is
//! known from a capture of one model and firmware (SR204, 7.04.0208.R); siblings are expected to be alike. The backup is known
//! from descriptions of the SR203's, and from TR-098.

#[path = "sky_hub/backup.rs"]
mod backup;
#[path = "sky_hub/card.rs"]
mod card;
#[path = "sky_hub/page.rs"]
mod page;
#[path = "sky_hub/reading.rs"]
mod reading;

use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use page::SkyPage;

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "sky-hub",
    title: "Sky Hub and NOW Hub, the page LAN IP Setup",
    tested_on: "SR204 7.04.0208.R, from a capture; expected on SR203, SR101, SR102, ER110, ER115",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "On a Sky Hub: Advanced > LAN IP Setup > Ending IP Address; over a cable, not Wi-Fi.";

fn recognise(page: &Page<'_>) -> bool {
    page::looks_like_sky(page.text) || backup::is_one(page.text)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    if let Some(backup) = input.pages.iter().find(|page| backup::is_one(page.text)) {
        if input.pages.len() == 1 {
            return backup::read(backup, HOW_TO_SHRINK, sources);
        }
        let message = format!("{} is the hub's backup, and says all that its pages say", backup.name);
        return Err(Complaint::whole(message).help("read the backup alone, or the pages").into());
    }
    if let Some(page) = input.pages.iter().find(|page| page::is_too_large(page.text)) {
        let complaint = Complaint::whole(format!("{} is larger than any page of a Sky Hub", page.name));
        return Err(complaint.help("is it the page LAN IP Setup, saved as \"HTML only\"?").into());
    }
    let pages: Vec<SkyPage<'_>> = input.pages.iter().map(|page| SkyPage::read(page.name, page.text)).collect();
    let reading = reading::read(&pages)?;
    Ok(card::facts(&reading, input, HOW_TO_SHRINK, sources))
}

#[cfg(test)]
#[path = "sky_hub/tests.rs"]
mod tests;
