// A Bluesky network of one personal data server and its directory, on this machine: prints its address, ends with
// its input.
import { TestNetworkNoAppView } from '@atproto/dev-env'

const network = await TestNetworkNoAppView.create({ pds: { hostname: 'localhost' } })
console.log(network.pds.url)
process.stdin.resume()
process.stdin.on('end', async () => {
  await network.close()
  process.exit(0)
})
