{{ stage_raw('files', 'contacts__personal') }}
